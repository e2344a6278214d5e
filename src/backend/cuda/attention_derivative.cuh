// What the two backward kernels on tensor cores share.
#pragma once

#include "backend/cuda/attention_kernels.cuh"
#include "backend/cuda/attention_tiles.cuh"

namespace slm::cuda {

// A tile of queries of one head and a tile of keys, as one warp sees them.
struct Meeting {
  AttentionWork w;
  int head;
  int query = 0, key = 0;  // of the segment: this lane's first
  bool mask = false;
  float slope = 0;

  // False when no query of the warp sees any of the keys.
  __device__ bool place(const AttentionView& a, int first_query, int queries, int first_key,
                        int keys) {
    int first = w.k_len - w.q_len + first_query, last = first + queries - 1;
    int last_key = first_key + keys - 1;
    mask = a.masked(first, last, first_key, last_key);
    slope = a.slope(head);
    return first_query < w.q_len && first_key < w.k_len &&
           !a.hidden(first, last, first_key, last_key);
  }
  // lse: in units of log 2
  __device__ float probability(const AttentionView& a, float score, float lse, int i, int j) const {
    int position = w.k_len - w.q_len + i;
    if (mask && !a.sees(position, j)) return 0;
    float logit = a.scale * score + slope * float(j - position);
    return exp2f(kLog2E * logit - lse);
  }
  __device__ float factor(const AttentionView& a, int i, int j) const {
    return a.kept.keeps(w.q_begin + i, head, j) ? a.kept.factor : 0;
  }
};

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
          if (column < rows.size)
            to.add(at + column, factor * sum[m][n][2 * r + i]);
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
