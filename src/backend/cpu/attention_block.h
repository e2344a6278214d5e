// What the attention kernels share: blocks of keys and queries packed for the tile product, scores,
// and the mask.
//
// Scores are kept transposed, [keys, queries]: softmax then runs over rows with a query per lane,
// needs no sum across lanes, and what it leaves is the left operand of the product with v.
#pragma once

#include "backend/cpu/tile.h"
#include "backend/cpu/vec_math.h"

namespace slm::cpu::SLM_ISA {

// Keys and queries are taken this many at a time: a multiple of tile rows and columns alike.
constexpr int64_t kBlock = 96;
constexpr int64_t kDecodeKeys = 32;  // keys between two rescalings in decoding
constexpr int64_t kTogether = 8;     // keys whose values are summed at a time in decoding
static_assert(kBlock % kTileRows == 0 && kBlock % kTileColumns == 0 && kBlock % kLanes == 0);
static_assert(kDecodeKeys % kTogether == 0);

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// Hands out pieces of one scratch buffer, each on a cache line.
struct Pieces {
  float* next;
  float* take(int64_t floats) {
    float* piece = next;
    next += round_up(floats + kLanes, 16);  // kLanes: stores that spill past the end
    return piece;
  }
};

inline Vec lane_numbers(int64_t first) {
  float lanes[kLanes];
  for (int i = 0; i < kLanes; ++i) lanes[i] = float(first + i);
  return load(lanes);
}

// Floats from row to row of a head's keys that were in blocks: the blocks it lies in.
constexpr int64_t kCacheBlock = 32;
inline int64_t unpacked_width(int64_t size) { return round_up(size, kCacheBlock) + kCacheBlock; }

// body(format, rows, stride) with `count` rows of a kv head's keys or values from token `first` on;
// those in blocks are made floats in `unpacked` [count, unpacked_width(size)] first.
template <class Body>
inline void with_rows(const TokenRows& t, int64_t head, int64_t size, int64_t first, int64_t count,
                      float* unpacked, Body body) {
  int64_t at = t.first + head * size;
  if (t.decode) {
    int64_t lead = at % kCacheBlock, width = unpacked_width(size);
    auto* bytes = static_cast<const char*>(t.data);
    for (int64_t r = 0; r < count; ++r) {
      int64_t block = ((first + r) * t.stride + at) / kCacheBlock;
      t.decode(bytes + block * t.block_bytes, 1, unpacked + r * width,
               round_up(lead + size, kCacheBlock));
    }
    return body(F32{}, static_cast<const float*>(unpacked) + lead, width);
  }
  with_format(t.format, [&](auto format) {
    using T = decltype(format);
    auto* rows = static_cast<const typename T::Stored*>(t.data);
    body(format, rows + first * t.stride + at, t.stride);
  });
}

// out[r, c] = in[r, c], with zeros up to `width` columns and `height` rows.
template <class T>
inline void copy_padded(const typename T::Stored* in, int64_t stride, int64_t rows, int64_t columns,
                        float* out, int64_t width, int64_t height) {
  for (int64_t r = 0; r < height; ++r, out += width)
    for (int64_t c = 0; c < width; c += kLanes) {
      int64_t n = r < rows ? smaller(columns - c, kLanes) : 0;
      store(out + c, n == kLanes ? T::load(in + r * stride + c)
                     : n > 0     ? load_part_of<T>(in + r * stride + c, n)
                                 : Vec{});
    }
}

// out[c, r] = in[r, c] for a block of up to kBlock rows: [columns, kBlock], zeros past the rows.
template <class T>
inline void transpose_block(const typename T::Stored* in, int64_t stride, int64_t rows,
                            int64_t columns, float* out) {
  for (int64_t r = 0; r < kBlock; r += kLanes)
    transpose_rows<T>(in + r * stride, stride, larger(0, smaller(rows - r, kLanes)), columns,
                      out + r, kBlock);
}

inline void store_tile(const Tile& tile, float* out, int64_t stride) {
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i) {
    store(out + i * stride, tile.at[i][0]);
    store(out + i * stride + kLanes, tile.at[i][1]);
  }
}

inline void add_tile(const Tile& tile, float* out, int64_t stride) {
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i) {
    float* p = out + i * stride;
    store(p, load(p) + tile.at[i][0]);
    store(p + kLanes, load(p + kLanes) + tile.at[i][1]);
  }
}

inline void add_half_tile(const HalfTile& tile, float* out, int64_t stride) {
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i) store(out + i * stride, load(out + i * stride) + tile.at[i]);
}

// One meeting of a block of queries with a block of keys.
struct Meeting {
  int64_t first_key, keys;          // keys first_key .. first_key + keys
  int64_t first_position, queries;  // query i stands at first_position + i
  int64_t window;
  float scale, slope;

  bool hidden(int64_t key, int64_t last_query) const {  // from all queries up to that one
    return first_key + key > first_position + last_query;
  }
  bool needs_mask() const {
    return first_key + keys - 1 > first_position ||
           (window > 0 && first_position + queries - 1 - first_key >= window);
  }
};

// scores[key, query] of the visible tiles; hidden tiles keep what they hold.
inline void score_tiles(const Meeting& m, const float* keys_t, const float* queries_t, int64_t size,
                        float* scores) {
  for (int64_t i = 0; i < m.queries; i += kTileColumns)
    for (int64_t j = 0; j < m.keys; j += kTileRows) {
      if (m.hidden(j, i + kTileColumns - 1)) break;
      Tile tile = multiply(size, keys_t + j, kBlock, queries_t + i, kBlock);
      store_tile(tile, scores + j * kBlock + i, kBlock);
    }
}

// out[0 .. kTileRows, :] += a' x, where a is [count, ..] with kBlock from row to row and x and out
// are `width` wide, whole registers: the last one alone where they are odd.
inline void add_product(int64_t count, const float* a, const float* x, int64_t width, float* out) {
  int64_t e = 0;
  for (; e + kTileColumns <= width; e += kTileColumns)
    add_tile(multiply(count, a, kBlock, x + e, width), out + e, width);
  if (e < width) add_half_tile(multiply_half(count, a, kBlock, x + e, width), out + e, width);
}

// out[query, :] += scores'[query, :] x over the keys each tile of queries can see.
inline void add_weighted(const Meeting& m, const float* scores, const float* x, int64_t width,
                         float* out) {
  for (int64_t i = 0; i < m.queries; i += kTileRows) {
    int64_t last = m.first_position + i + kTileRows - 1;
    int64_t keys = smaller(m.keys, last + 1 - m.first_key);
    if (keys > 0) add_product(keys, scores + i, x, width, out + i * width);
  }
}

// Lanes (queries from `lane` on) that may see one key.
struct Sight {
  Vec position;  // of each query, counted from first_key: small numbers, exact as floats
  float window;

  Sight(const Meeting& m, int64_t lane)
      : position(lane_numbers(m.first_position + lane - m.first_key)),
        window(m.window > 0 ? float(m.window) : __builtin_inff()) {}
  IVec sees(int64_t key) const {
    Vec back = position - float(key);
    return (back >= 0.0f) & (back < window);
  }
  template <bool kSlope>
  Vec logit(const Meeting& m, Vec score, int64_t key) const {
    if constexpr (!kSlope) return m.scale * score;
    return m.scale * score + m.slope * (float(key) - position);
  }
};

// body(masks, slopes) with constants for what the meeting needs.
template <class Body>
inline void with_needs(const Meeting& m, Body body) {
  using std::bool_constant;
  bool mask = m.needs_mask(), slope = m.slope != 0;
  if (mask && slope) return body(bool_constant<true>{}, bool_constant<true>{});
  if (mask) return body(bool_constant<true>{}, bool_constant<false>{});
  if (slope) return body(bool_constant<false>{}, bool_constant<true>{});
  body(bool_constant<false>{}, bool_constant<false>{});
}

}  // namespace slm::cpu::SLM_ISA
