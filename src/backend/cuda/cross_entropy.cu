#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/floats.cuh"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.cuh"

namespace slm::cuda {
namespace {

constexpr unsigned kThreads = 512;

struct Rows {
  float* logits;
  int64_t columns;
  const int32_t* targets;
  float* losses;
  float z_loss;
  bool gradient;
  float gradient_scale;
};

// Of a row: softmax i is exp(row[i] - highest) / sum.
struct Softmax {
  float highest, sum;
};

// Each thread keeps its sum relative to the highest number it has seen so far (online softmax:
// Milakov and Gimelshein, 2018), so the row is read once.
__device__ Softmax softmax_of(const float* row, int64_t n) {
  float highest = -INFINITY, sum = 0;
  for (int64_t i = 8 * int64_t{threadIdx.x}; i < n; i += 8 * blockDim.x) {
    float values[8], above = highest;
    load8_of(row + i, n - i, values);
#pragma unroll
    for (int j = 0; j < 8; ++j)
      if (i + j < n) above = fmaxf(above, values[j]);
    if (above > highest) sum *= expf(highest - above), highest = above;
#pragma unroll
    for (int j = 0; j < 8; ++j)
      if (i + j < n) sum += expf(values[j] - highest);
  }
  float of_all = block_max(highest);
  return {of_all, block_sum(sum == 0 ? 0 : sum * expf(highest - of_all))};
}

// d loss / d logit = (1 + 2 z lse) softmax - [is the target]
__global__ void cross_entropy_kernel(Rows r) {
  float* row = r.logits + int64_t{blockIdx.x} * r.columns;
  int32_t target = r.targets[blockIdx.x];
  bool counts = target >= 0;
  Softmax softmax = counts ? softmax_of(row, r.columns) : Softmax{0, 1};
  float lse = softmax.highest + logf(softmax.sum), inverse_sum = 1 / softmax.sum;
  if (threadIdx.x == 0)
    r.losses[blockIdx.x] = counts ? lse - row[target] + r.z_loss * lse * lse : 0;
  if (!r.gradient) return;
  __syncthreads();  // the target's logit has been read
  for (int64_t i = 8 * int64_t{threadIdx.x}; i < r.columns; i += 8 * blockDim.x) {
    float values[8];
    load8_of(row + i, r.columns - i, values);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      float p = expf(values[j] - softmax.highest) * inverse_sum;
      float hit = i + j == target ? 1.0f : 0.0f;
      float d = r.gradient_scale * ((1 + 2 * r.z_loss * lse) * p - hit);
      values[j] = counts ? d : 0;
    }
    store8_of(row + i, r.columns - i, values);
  }
}

}  // namespace

void CudaBackend::cross_entropy(const CrossEntropyArgs& a) {
  check(a.logits.dtype() == DType::kF32 && a.losses.dtype() == DType::kF32,
        "[cuda] cross entropy works on f32, logits are {}, losses {}",
        traits(a.logits.dtype()).name, traits(a.losses.dtype()).name);
  Tensor targets = context_.on_device(a.targets);
  launch(cross_entropy_kernel, unsigned(targets.elements()), kThreads, 0, context_.stream(),
         Rows{device_data<float>(a.logits), a.logits.dim(1), device_data<int32_t>(targets),
              device_data<float>(a.losses), a.z_loss, a.gradient, a.gradient_scale});
}

}  // namespace slm::cuda
