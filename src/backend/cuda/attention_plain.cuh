// What the f32 attention kernels share: rows that stay (four to a warp) and rows that pass by (32
// at a time, one to a lane), both in shared memory, and their products in f32.
#pragma once

#include "backend/cuda/attention_kernels.cuh"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/shared.cuh"

namespace slm::cuda::plain {

constexpr int kRows = 32, kWarpRows = 4, kThreads = 32 * kRows / kWarpRows;
constexpr int kColumns = 8;  // of a lane: heads of up to 256

// From row to row in shared memory: odd, so that a column of 32 rows lies in 32 banks.
__host__ __device__ constexpr int stride_of(int size) { return size | 1; }
__host__ __device__ constexpr int tile_floats(int size) { return kRows * stride_of(size); }

__device__ inline int lane_id() { return int(threadIdx.x) % 32; }
__device__ inline int warp_row() { return int(threadIdx.x) / 32 * kWarpRows; }

// tile[r, e] = from[r * step + e], zeros past `rows`
__device__ inline void load_rows(const float* from, int64_t step, int rows, int size, float* tile) {
  for (int i = int(threadIdx.x); i < kRows * size; i += kThreads) {
    int row = i / size, e = i % size;
    tile[row * stride_of(size) + e] = row < rows ? from[row * step + e] : 0;
  }
}

// dots[r] += own[r] . passing[lane]
__device__ inline void add_dots(const float* own, const float* passing, int size,
                                float (&dots)[kWarpRows]) {
  passing += lane_id() * stride_of(size);
#pragma unroll 4
  for (int e = 0; e < size; ++e)
#pragma unroll
    for (int r = 0; r < kWarpRows; ++r) dots[r] += own[r * stride_of(size) + e] * passing[e];
}

// What a warp multiplies its rows' sums with, [passing row][own row]: written by a lane each.
struct Weights {
  float4* of_rows;
  __device__ explicit Weights(float* all)
      : of_rows(reinterpret_cast<float4*>(all) + threadIdx.x / 32 * kRows) {}
  __device__ void put(const float (&x)[kWarpRows]) const {
    __syncwarp();  // those of before are read
    of_rows[lane_id()] = make_float4(x[0], x[1], x[2], x[3]);
    __syncwarp();
  }
};
constexpr int kWeightFloats = kThreads * kWarpRows;

// A lane's columns lane, lane + 32 .. of the warp's rows.
struct Sums {
  float at[kWarpRows][kColumns];
  __device__ void clear() {
#pragma unroll
    for (int r = 0; r < kWarpRows; ++r)
#pragma unroll
      for (int c = 0; c < kColumns; ++c) at[r][c] = 0;
  }
};

// sums[r, e] += weights[j, r] * passing[j, e]
__device__ inline void add_weighted(const Weights& weights, const float* passing, int size,
                                    Sums& sums) {
#pragma unroll 2
  for (int j = 0; j < kRows; ++j) {
    float4 w = weights.of_rows[j];
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      int e = lane_id() + 32 * c;
      if (e >= size) break;
      float x = passing[j * stride_of(size) + e];
      sums.at[0][c] += w.x * x;
      sums.at[1][c] += w.y * x;
      sums.at[2][c] += w.z * x;
      sums.at[3][c] += w.w * x;
    }
  }
}

// visit(r, e, sum) for what a lane has of rows there are
template <class Visit>
__device__ inline void each_sum(const Sums& sums, int rows, int size, Visit visit) {
#pragma unroll
  for (int r = 0; r < kWarpRows; ++r)
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      int e = lane_id() + 32 * c;
      if (r < rows && e < size) visit(r, e, sums.at[r][c]);
    }
}

// Blocks of keys that queries first .. first + kRows of a segment see: begin .. end.
struct Range {
  int begin, end;
};
__device__ inline Range keys_seen(const AttentionView& a, const AttentionWork& w) {
  int offset = w.k_len - w.q_len, last = offset + min(w.first + kRows, w.q_len) - 1;
  return {max(0, offset + w.first - a.window + 1) / kRows, last / kRows + 1};
}

}  // namespace slm::cuda::plain
