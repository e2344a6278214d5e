#include "backend/cuda/floats.cuh"
#include "backend/cuda/launch.h"
#include "backend/cuda/matvec.h"
#include "backend/cuda/reduce.cuh"

namespace slm::cuda {
namespace {

constexpr unsigned kWarps = 4;  // of a block; each computes the results of one row of the weight

struct Rows {
  Floats x, weight, bias, y;
  int64_t count, n, k;
  float alpha, beta;
};

__device__ float number(const Floats& x, int64_t i) {
  float values[8];
  load8(x, i, i + 1, values);
  return values[0];
}

// Each lane adds up every 32nd eight of the row, so that a warp reads 512 bytes or more at a time;
// then the lanes' sums are added up.
template <int kRows>
__global__ void __launch_bounds__(32 * kWarps) matvec_kernel(Rows r) {
  constexpr int64_t kStep = 8 * 32;
  int64_t row = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= r.n) return;
  float sums[kRows] = {};
#pragma unroll 4
  for (int64_t at = 8 * lane; at < r.k; at += kStep) {
    float w[8];
    load8(r.weight, row * r.k + at, (row + 1) * r.k, w);
#pragma unroll
    for (int m = 0; m < kRows; ++m) {
      if (m >= r.count) break;
      float x[8];
      load8(r.x, m * r.k + at, (m + 1) * r.k, x);
#pragma unroll
      for (int j = 0; j < 8; ++j) sums[m] += w[j] * x[j];
    }
  }
  float bias = r.bias ? number(r.bias, row) : 0;
#pragma unroll
  for (int m = 0; m < kRows; ++m) {
    if (m >= r.count) break;
    float sum = warp_sum(sums[m]);
    int64_t to = m * r.n + row;
    float result[8] = {r.alpha * sum + bias};
    if (lane == 0) store8(FloatSlot{r.y, r.beta}, to, to + 1, result);
  }
}

}  // namespace

bool multiply_rows(CudaContext& cx, const GemmArgs& a) {
  int64_t rows = a.c.dim(0);
  if (rows > 4 || a.transpose_a || !a.transpose_b) return false;
  Rows r{.x = floats(a.a),
         .weight = floats(a.b),
         .bias = floats(a.bias),
         .y = floats(a.c),
         .count = rows,
         .n = a.c.dim(1),
         .k = a.a.dim(1),
         .alpha = a.alpha,
         .beta = a.beta};
  launch(rows == 1 ? matvec_kernel<1> : matvec_kernel<4>, unsigned((r.n + kWarps - 1) / kWarps),
         32 * kWarps, 0, cx.stream(), r);
  return true;
}

}  // namespace slm::cuda
