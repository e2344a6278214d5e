#include "backend/cuda/any_number.cuh"
#include "backend/cuda/attention_sources.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/row_readers.cuh"

namespace slm::cuda {
namespace {

constexpr int kThreads = 256;

unsigned blocks_of(int64_t threads) {
  return unsigned(std::min<int64_t>((threads + kThreads - 1) / kThreads, 1 << 16));
}
__device__ int64_t first_thread() { return int64_t(blockIdx.x) * kThreads + threadIdx.x; }
__device__ int64_t all_threads() { return int64_t(gridDim.x) * kThreads; }

template <class Reader, class T>
__global__ void copy_heads(const void* from, int64_t element, int64_t count, int size, int padded,
                           T* to) {
  for (int64_t i = first_thread(); i < count; i += all_threads()) {
    int64_t head = i / padded, e = i % padded;
    float x = e < size ? Reader::one(from, element + head * size + e) : 0;
    to[i] = from_float<T>(x);
  }
}

template <class T>
__global__ void drift_kernel(const T* dy, const T* y, int64_t rows, int size, float* drift) {
  int64_t row = first_thread() / 32;
  if (row >= rows) return;
  float sum = 0;
  for (int e = int(threadIdx.x) % 32; e < size; e += 32)
    sum += to_float(dy[row * size + e]) * to_float(y[row * size + e]);
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) drift[row] = sum;
}

__global__ void settle_kernel(void* grad, DType type, int64_t count, float beta) {
  for (int64_t i = first_thread(); i < count; i += all_threads())
    set_number(type, grad, i, beta == 0 ? 0 : beta * number_at(type, grad, i));
}

}  // namespace

HeadRows head_rows(CudaContext& cx, const Tensor& t, int size, Layout layout, int64_t begin,
                   int64_t end, std::vector<Tensor>& memory) {
  const auto* data = device_data<std::byte>(t);
  int64_t heads = t.dim(0) ? t.elements() / t.dim(0) / size : 0;
  bool aligned = layout.piece == 1 ||
                 (size % layout.piece == 0 && reinterpret_cast<uintptr_t>(data) % 16 == 0);
  if (t.dtype() == layout.type && aligned) return {data, heads * size, size, 0};
  int padded = (size + layout.piece - 1) / layout.piece * layout.piece;
  Tensor copy = cx.empty({end - begin, heads, padded}, layout.type);
  with_reader(t.dtype(), [&](auto reader) {
    dispatch(copy, [&](auto type) {
      using T = typename decltype(type)::type;
      launch(copy_heads<decltype(reader), T>, blocks_of(copy.elements()), kThreads, 0, cx.stream(),
             data, begin * heads * size, copy.elements(), size, padded, device_data<T>(copy));
    });
  });
  memory.push_back(copy);
  return {device_data<std::byte>(copy), heads * padded, padded, begin};
}

void drift_of(CudaContext& cx, const Tensor& dy, const Tensor& y, float* drift) {
  int64_t rows = y.dim(0) * y.dim(1);
  int size = int(y.dim(2));
  dispatch(y, [&](auto type) {
    using T = typename decltype(type)::type;
    launch(drift_kernel<T>, unsigned((rows * 32 + kThreads - 1) / kThreads), kThreads, 0,
           cx.stream(), device_data<T>(dy), device_data<T>(y), rows, size, drift);
  });
}

void settle(CudaContext& cx, const Tensor& grad, float& beta) {
  if (grad && beta != 1)
    launch(settle_kernel, blocks_of(grad.elements()), kThreads, 0, cx.stream(),
           device_data<void>(grad), grad.dtype(), grad.elements(), beta);
  beta = 1;
}

}  // namespace slm::cuda
