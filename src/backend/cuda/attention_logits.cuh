// From scores on tensor cores to logits: scale, slope and mask, which most tiles need little of.
#pragma once

#include "backend/cuda/attention_tiles.cuh"
#include "backend/cuda/attention_view.cuh"

namespace slm::cuda {

// Which query and key a lane's fragments are about: its first ones, counted within the segment.
// Rows of the tile are queries, or, kTransposed, keys.
template <bool kTransposed>
struct Place {
  int query, key, offset;  // offset: position of query 0
  float slope;
  bool mask;  // does any query of the warp not see all keys?

  __device__ int query_at(int m, int n, int i) const {
    return query + (kTransposed ? 8 * n + i % 2 : 16 * m + i / 2 * 8);
  }
  __device__ int key_at(int m, int n, int i) const {
    return key + (kTransposed ? 16 * m + i / 2 * 8 : 8 * n + i % 2);
  }
};

// visit(m, n, i, x[m][n][i])
template <int kRowTiles, int kColumnTiles, class Visit>
__device__ __forceinline__ void each_of(float (&x)[kRowTiles][kColumnTiles][4], Visit visit) {
#pragma unroll
  for (int m = 0; m < kRowTiles; ++m)
#pragma unroll
    for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) visit(m, n, i, x[m][n][i]);
}

// The place of queries first_query .. of `queries` and keys first_key .. of `keys`: those of a
// warp.
template <bool kTransposed>
__device__ inline Place<kTransposed> place_of(const AttentionView& a, const AttentionWork& w,
                                              int head, int first_query, int queries, int first_key,
                                              int keys) {
  int lane = int(threadIdx.x) % 32, row = lane / 4, column = lane % 4 * 2;
  int offset = w.k_len - w.q_len, first = offset + first_query;
  return {first_query + (kTransposed ? column : row), first_key + (kTransposed ? row : column),
          offset, a.slope(head),
          a.masked(first, first + queries - 1, first_key, first_key + keys - 1)};
}

// Does any of those queries see any of those keys?
__device__ inline bool meet_at_all(const AttentionView& a, const AttentionWork& w, int first_query,
                                   int queries, int first_key, int keys) {
  int first = w.k_len - w.q_len + first_query;
  return first_query < w.q_len && first_key < w.k_len &&
         !a.hidden(first, first + queries - 1, first_key, first_key + keys - 1);
}

// Scores become logits in units of log 2, -inf where the key is not seen.
template <bool kTransposed, int kRowTiles, int kColumnTiles>
__device__ __forceinline__ void to_logits(const AttentionView& a, const Place<kTransposed>& at,
                                          float (&scores)[kRowTiles][kColumnTiles][4]) {
  float scale = a.scale * kLog2E, slope = at.slope * kLog2E;
  each_of(scores, [&](int, int, int, float& s) { s *= scale; });
  if (slope != 0)
    each_of(scores, [&](int m, int n, int i, float& s) {
      s += slope * float(at.key_at(m, n, i) - at.offset - at.query_at(m, n, i));
    });
  if (at.mask)
    each_of(scores, [&](int m, int n, int i, float& s) {
      if (!a.sees(at.offset + at.query_at(m, n, i), at.key_at(m, n, i))) s = -INFINITY;
    });
}

// What dropout multiplies a probability with. row: the segment's first of q
template <bool kTransposed>
__device__ inline float kept_factor(const AttentionView& a, const Place<kTransposed>& at,
                                    int64_t row, int head, int m, int n, int i) {
  bool keeps = a.kept.keeps(row + at.query_at(m, n, i), head, at.key_at(m, n, i));
  return keeps ? a.kept.factor : 0;
}

}  // namespace slm::cuda
