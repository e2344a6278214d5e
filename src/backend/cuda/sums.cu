#include "backend/cuda/columns.cuh"
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/reduce.cuh"

namespace slm::cuda {
namespace {

constexpr int kMostParts = 1024;

// Eight squares are added in f32, all else in f64.
__global__ void sum_squares_kernel(Floats x, int64_t n, double* parts) {
  double sum = 0;
  for (int64_t i = 8 * first_item(); i < n; i += 8 * item_stride()) {
    float values[8], squares = 0;
    load8(x, i, n, values);
#pragma unroll
    for (float v : values) squares += v * v;
    sum += double(squares);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__global__ void add_parts_kernel(const double* parts, int count, double* total) {
  double sum = 0;
  for (int i = int(threadIdx.x); i < count; i += int(blockDim.x)) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = sum;
}

struct ColumnValues {
  Floats x;
  int64_t columns;

  __device__ void operator()(int64_t row, int64_t column, float (&sums)[1][8]) const {
    float values[8];
    load8(x, row * columns + column, (row + 1) * columns, values);
#pragma unroll
    for (int j = 0; j < 8; ++j) sums[0][j] += values[j];
  }
};

}  // namespace

// The number of parts, and so the order of the sum, depends on the size alone.
double CudaBackend::sum_squares(const Tensor& x) {
  int64_t threads = (x.elements() + 7) / 8;
  int count = int(std::clamp<int64_t>((threads + kEachThreads - 1) / kEachThreads, 1, kMostParts));
  auto parts = context_.scratch<double>(count + 1);
  launch(sum_squares_kernel, unsigned(count), kEachThreads, 0, context_.stream(), floats(x),
         x.elements(), parts.get());
  launch(add_parts_kernel, 1, kEachThreads, 0, context_.stream(), parts.get(), count,
         parts.get() + count);
  double total = 0;
  context_.fetch(&total, parts.get() + count, sizeof(total));
  return total;
}

void CudaBackend::column_sum(const ColumnSumArgs& a) {
  int64_t columns = a.grad.grad.elements();
  if (columns == 0) return;
  sum_columns<1>(context_, a.x.elements() / columns, columns, ColumnValues{floats(a.x), columns},
                 {floats(a.grad)});
}

}  // namespace slm::cuda
