// What the two backward kernels on tensor cores share.
#pragma once

#include "backend/cuda/attention_kernels.cuh"
#include "backend/cuda/attention_logits.cuh"

namespace slm::cuda {

struct GradientRows {
  int64_t begin;  // row of the segment
  int head, size;
  int first, end;  // of the segment: the warp's first, the segment's length
  int column;      // the first of the sums
};

// grad = beta * grad + factor * sum
template <int kRowTiles, int kColumnTiles>
__device__ inline void add_to_gradient(const AttentionGradient& to, const GradientRows& rows,
                                       float factor,
                                       const float (&sum)[kRowTiles][kColumnTiles][4]) {
  if (!to.data) return;
  int lane = int(threadIdx.x) % 32;
#pragma unroll
  for (int m = 0; m < kRowTiles; ++m)
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      int row = rows.first + 16 * m + 8 * r + lane / 4;
      if (row >= rows.end) continue;
      int64_t at = ((rows.begin + row) * to.heads + rows.head) * rows.size;
#pragma unroll
      for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          int column = rows.column + 8 * n + lane % 4 * 2 + i;
          if (column < rows.size) to.add(at + column, factor * sum[m][n][2 * r + i]);
        }
    }
}

struct DerivativeInstance {
  using Run = void (*)(CudaContext&, const AttentionView&, const Segments&,
                       const AttentionDerivative&);
  int size;  // of heads, at most
  Run bf16, f16;
  Run of(DType type) const { return type == DType::kBF16 ? bf16 : f16; }
};

}  // namespace slm::cuda
