// Tiles of rows in shared memory and their products on tensor cores (mma m16n8k16, f32 sums).
//
// A warp's sums are fragments sum[m][n][4]: of row tile m (16 rows) and column tile n (8 columns),
// lane 4 g + t holds row g of the tile, columns 2 t and 2 t + 1, then row g + 8, the same columns.
//
// A row takes an odd number of 16-byte pieces: the eight rows that ldmatrix reads at once then lie
// in different banks, for every head size. (An exclusive-or of row and column needs powers of two,
// and heads of 80 are the ones that matter.)
#pragma once

#include <cstring>

#include "backend/cuda/mma.cuh"
#include "backend/cuda/shared.cuh"

namespace slm::cuda {

constexpr int kPiece = 8;  // numbers in 16 bytes

template <int kSize>
inline constexpr int kTileStride = kSize + kPiece;

// tile[r, e] = from[r * stride + e] for r < rows, e < size, zeros elsewhere in [kRows, kSize].
// Copies go on when it returns (cp_async_commit, cp_async_wait). size: whole pieces.
template <int kRows, int kSize, int kThreads, class T>
__device__ inline void fetch_rows(const T* from, int64_t stride, int rows, int size, T* tile) {
  constexpr int kPieces = kSize / kPiece;
#pragma unroll 2  // more addresses at once take registers from the sums
  for (int i = int(threadIdx.x); i < kRows * kPieces; i += kThreads) {
    int row = i / kPieces, column = i % kPieces * kPiece;
    T* to = tile + row * kTileStride<kSize> + column;
    if (row < rows && column < size)
      cp_async_16(to, from + row * stride + column);
    else
      *reinterpret_cast<uint4*>(to) = uint4{0, 0, 0, 0};
  }
}

// sum[row, column] += a[row, :] . b[column, :] over kSize numbers; tiles of kSize as fetched
template <int kSize, int kRowTiles, int kColumnTiles, class T>
__device__ inline void add_dots(const T* a, const T* b, float (&sum)[kRowTiles][kColumnTiles][4]) {
  constexpr int kStride = kTileStride<kSize>;
  int lane = int(threadIdx.x) % 32;
  a += lane % 16 * kStride + lane / 16 * 8;
  b += (lane % 8 + lane / 16 * 8) * kStride + lane / 8 % 2 * 8;
#pragma unroll
  for (int k = 0; k < kSize; k += 16) {
    uint32_t rows[kRowTiles][4];
#pragma unroll
    for (int m = 0; m < kRowTiles; ++m) ldmatrix_x4(rows[m], a + m * 16 * kStride + k);
#pragma unroll
    for (int n = 0; n < kColumnTiles; n += 2) {
      uint32_t columns[4];
      ldmatrix_x4(columns, b + n * 8 * kStride + k);
      const uint32_t left[2] = {columns[0], columns[1]}, right[2] = {columns[2], columns[3]};
#pragma unroll
      for (int m = 0; m < kRowTiles; ++m) {
        mma_16x8x16<T>(sum[m][n], rows[m], left);
        mma_16x8x16<T>(sum[m][n + 1], rows[m], right);
      }
    }
  }
}

inline __device__ __nv_bfloat162 pair_of(bf16, float x, float y) {
  return __floats2bfloat162_rn(x, y);
}
inline __device__ __half2 pair_of(f16, float x, float y) { return __floats2half2_rn(x, y); }
inline __device__ float2 pair_of(float, float x, float y) { return make_float2(x, y); }

// Rounded to nearest even; x in the lower half.
template <class T>
__device__ inline uint32_t pack_pair(float x, float y) {
  auto pair = pair_of(T{}, x, y);
  uint32_t bits;
  static_assert(sizeof bits == sizeof pair);
  memcpy(&bits, &pair, sizeof bits);
  return bits;
}

// y[column], y[column + 1] of a row of `size`, which begins on a pair's bytes where size is even
template <class T>
__device__ inline void store_pair(T* y, int column, int size, float left, float right) {
  if (column >= size) return;
  if (size % 2 == 0) {
    auto pair = pair_of(T{}, left, right);
    *reinterpret_cast<decltype(pair)*>(y + column) = pair;
    return;
  }
  y[column] = from_float<T>(left);
  if (column + 1 < size) y[column + 1] = from_float<T>(right);
}

// The left operand of the 16 inner numbers that two column tiles of sums are about.
template <class T>
__device__ inline void as_operand(const float (&left)[4], const float (&right)[4],
                                  uint32_t (&operand)[4]) {
  operand[0] = pack_pair<T>(left[0], left[1]);
  operand[1] = pack_pair<T>(left[2], left[3]);
  operand[2] = pack_pair<T>(right[0], right[1]);
  operand[3] = pack_pair<T>(right[2], right[3]);
}

// sum[row, column] += weight[row, j] * b[j, column]: b from the first column wanted on
template <int kSize, int kRowTiles, int kInnerTiles, int kColumnTiles, class T>
__device__ inline void add_weighted(const float (&weight)[kRowTiles][kInnerTiles][4], const T* b,
                                    float (&sum)[kRowTiles][kColumnTiles][4]) {
  constexpr int kStride = kTileStride<kSize>;
  int lane = int(threadIdx.x) % 32;
  b += lane % 16 * kStride + lane / 16 * 8;
#pragma unroll
  for (int j = 0; j < kInnerTiles; j += 2) {
    uint32_t rows[kRowTiles][4];
#pragma unroll
    for (int m = 0; m < kRowTiles; ++m) as_operand<T>(weight[m][j], weight[m][j + 1], rows[m]);
#pragma unroll
    for (int n = 0; n < kColumnTiles; n += 2) {
      uint32_t columns[4];
      ldmatrix_x4_transposed(columns, b + j * 8 * kStride + n * 8);
      const uint32_t left[2] = {columns[0], columns[1]}, right[2] = {columns[2], columns[3]};
#pragma unroll
      for (int m = 0; m < kRowTiles; ++m) {
        mma_16x8x16<T>(sum[m][n], rows[m], left);
        mma_16x8x16<T>(sum[m][n + 1], rows[m], right);
      }
    }
  }
}

template <int kRowTiles, int kColumnTiles>
__device__ inline void clear(float (&sum)[kRowTiles][kColumnTiles][4]) {
#pragma unroll
  for (int m = 0; m < kRowTiles; ++m)
#pragma unroll
    for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) sum[m][n][i] = 0;
}

// Over the four lanes that hold one row of sums.
__device__ inline float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(kWholeWarp, x, 1));
  return fmaxf(x, __shfl_xor_sync(kWholeWarp, x, 2));
}
__device__ inline float quad_sum(float x) {
  x += __shfl_xor_sync(kWholeWarp, x, 1);
  return x + __shfl_xor_sync(kWholeWarp, x, 2);
}

// Queries stay and keys pass by: a warp owns 16 * kRowTiles queries; kKeys keys at a time. Two row
// tiles halve what is read from shared memory per product; heads above 128 leave no registers for
// them. kHeld tiles of the size of the queries are kept in shared memory.
template <class T_, int kSize_, int kWarps, int kRowTiles_, int kKeys_, int kHeld>
struct QueryTiling {
  using T = T_;
  static constexpr int kSize = kSize_, kRowTiles = kRowTiles_, kKeys = kKeys_;
  static constexpr int kThreads = 32 * kWarps, kWarpRows = 16 * kRowTiles;
  static constexpr int kQueries = kWarps * kWarpRows, kKeyTiles = kKeys / 8;
  static constexpr int kStride = kTileStride<kSize>, kColumnTiles = kSize / 8;
  static constexpr int kStage = 2 * kKeys * kStride;  // keys, then values
  static constexpr int kShared = (kHeld * kQueries * kStride + 2 * kStage) * int(sizeof(T));
};

}  // namespace slm::cuda
