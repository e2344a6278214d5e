// The product of two thin panels in registers: the heart of gemm and attention.
#pragma once

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "backend/cpu/vec.h"

namespace slm::cpu::SLM_ISA {

// A tile of c is kTileRows x kTileColumns: rows are broadcast values of a, columns two registers of
// b.
constexpr int kTileRows = SLM_TILE_ROWS;
constexpr int kTileColumns = 2 * kLanes;

struct Tile {
  Vec at[kTileRows][2];
};

// sum over k of a[k, i] * b[k, j]
inline __attribute__((always_inline)) Tile multiply(int64_t k_count, const float* a,
                                                    int64_t a_stride, const float* b,
                                                    int64_t b_stride) {
  Vec acc[kTileRows][2] = {};
  for (int64_t k = 0; k < k_count; ++k) {
    Vec b0 = load(b), b1 = load(b + kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) {
      acc[i][0] += a[i] * b0;
      acc[i][1] += a[i] * b1;
    }
    a += a_stride;
    b += b_stride;
  }
  Tile tile;
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i) tile.at[i][0] = acc[i][0], tile.at[i][1] = acc[i][1];
  return tile;
}

// The same for one register of b's columns.
struct HalfTile {
  Vec at[kTileRows];
};
inline __attribute__((always_inline)) HalfTile multiply_half(int64_t k_count, const float* a,
                                                             int64_t a_stride, const float* b,
                                                             int64_t b_stride) {
  Vec acc[kTileRows] = {};
  for (int64_t k = 0; k < k_count; ++k) {
    Vec column = load(b);
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) acc[i] += a[i] * column;
    a += a_stride;
    b += b_stride;
  }
  HalfTile tile;
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i) tile.at[i] = acc[i];
  return tile;
}

// sum + a0 * b0 + a1 * b1, where every lane of a and b is a pair of bf16: one instruction, where
// there is one. It takes subnormal numbers for 0.
#ifdef __AVX512BF16__
constexpr bool kHasPairs = true;
inline Vec add_pairs(Vec sum, UVec a, UVec b) {
  return Vec(_mm512_dpbf16_ps(__m512(sum), __m512bh(a), __m512bh(b)));
}
#else
constexpr bool kHasPairs = false;
inline Vec add_pairs(Vec sum, UVec, UVec) { return sum; }  // never asked for
#endif

// multiply() of panels of pairs
inline __attribute__((always_inline)) Tile multiply_pairs(int64_t k_count, const float* a,
                                                          int64_t a_stride, const float* b,
                                                          int64_t b_stride) {
  Vec acc[kTileRows][2] = {};
  for (int64_t k = 0; k < k_count; ++k) {
    UVec b0 = load_as<UVec>(b), b1 = load_as<UVec>(b + kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) {
      UVec both = UVec{} + load_as<uint32_t>(a + i);
      acc[i][0] = add_pairs(acc[i][0], both, b0);
      acc[i][1] = add_pairs(acc[i][1], both, b1);
    }
    a += a_stride;
    b += b_stride;
  }
  Tile tile;
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i) tile.at[i][0] = acc[i][0], tile.at[i][1] = acc[i][1];
  return tile;
}

template <int... kLane>
inline Vec interleave_low(Vec a, Vec b, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(a, b, (kLane / 2 + kLane % 2 * kLanes)...);
}
template <int... kLane>
inline Vec interleave_high(Vec a, Vec b, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(a, b, (kLanes / 2 + kLane / 2 + kLane % 2 * kLanes)...);
}

// Rows become columns: log2(lanes) rounds of interleaving row i with row i + lanes / 2.
inline __attribute__((always_inline)) void transpose(Vec (&rows)[kLanes]) {
  constexpr auto kAll = std::make_integer_sequence<int, kLanes>{};
#pragma GCC unroll 4
  for (int round = 1; round < kLanes; round *= 2) {
    Vec next[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = interleave_low(rows[i], rows[i + kLanes / 2], kAll);
      next[2 * i + 1] = interleave_high(rows[i], rows[i + kLanes / 2], kAll);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

// out[c * out_stride + r] = in[r * in_stride + c] for up to kLanes rows. Every column is written a
// whole register wide, zeros past the last row, first columns first: with out_stride < kLanes the
// next column overwrites the zeros of this one.
template <class T>
inline void transpose_rows(const typename T::Stored* in, int64_t in_stride, int64_t rows,
                           int64_t columns, float* out, int64_t out_stride) {
  for (int64_t c = 0; c < columns; c += kLanes) {
    int64_t width = columns - c < kLanes ? columns - c : kLanes;
    Vec block[kLanes];
    if (rows == kLanes && width == kLanes) {
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) block[r] = T::load(in + r * in_stride + c);
    } else {
      for (int64_t r = 0; r < kLanes; ++r) {
        const typename T::Stored* row = in + r * in_stride + c;
        block[r] = r >= rows ? Vec{} : width == kLanes ? T::load(row) : load_part_of<T>(row, width);
      }
    }
    transpose(block);
    for (int64_t i = 0; i < width; ++i) store(out + (c + i) * out_stride, block[i]);
  }
}

}  // namespace slm::cpu::SLM_ISA
