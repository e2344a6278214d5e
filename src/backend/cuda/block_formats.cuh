// The block formats of core/blocks/formats.h on the device: one struct each.
//
// A lane takes a block in units: a few bytes of it that no other unit needs, together with their
// scales. A unit has kParts parts, each a run of 4 * kQuads weights from place first(unit, part) of
// the block on: weight = scale * q + shift, q being bytes of quad[part]. That form gives each
// weight bit by bit as core/blocks decodes it, when product and sum are rounded once.
//
// Blocks are read in place: they are what the file holds, and products, table look-ups and copies
// all read the same bytes. Most formats are 2 bytes more than a power of two, so that integers of
// four bytes are put together from two; a unit is small enough that the lanes of a warp together
// still read whole lines.
#pragma once

#include <cstdint>

#include "backend/cuda/numbers.cuh"
#include "core/blocks/formats.h"

namespace slm::cuda {

__device__ inline float half_at(uint16_t bits) {
  f16 x;
  memcpy(&x, &bits, sizeof x);
  return to_float(x);
}

// Four bytes that lie on an even address.
__device__ inline uint32_t word_at(const void* bytes) {
  auto* halves = static_cast<const uint16_t*>(bytes);
  return uint32_t(halves[0]) | uint32_t(halves[1]) << 16;
}

// Bits 0 .. 3 of x to bit 4 of the four bytes.
__device__ inline uint32_t fifth_bits(uint32_t x) {
  return (x & 1) << 4 | (x & 2) << 11 | (x & 4) << 18 | (x & 8) << 25;
}

template <int kParts_, int kQuads_>
struct Unit {
  static constexpr int kParts = kParts_, kQuads = kQuads_;
  int quad[kParts][kQuads];
  float scale[kParts], shift[kParts];
};

// Two units of eight bytes, whose halves are the weights i and i + 16.
struct Nibbles {
  static constexpr int kUnits = 2;
  using Numbers = Unit<2, 2>;
  __device__ static int first(int unit, int part) { return 8 * unit + 16 * part; }
  __device__ static void read(const uint8_t* low, int unit, Numbers& u) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      uint32_t bytes = word_at(low + 8 * unit + 4 * i);
      u.quad[0][i] = int(bytes & 0x0f0f0f0f);
      u.quad[1][i] = int(bytes >> 4 & 0x0f0f0f0f);
    }
  }
  __device__ static void read_fifth(const uint8_t* high, int unit, Numbers& u) {
    uint32_t bits = word_at(high);
#pragma unroll
    for (int part = 0; part < 2; ++part)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        u.quad[part][i] |= int(fifth_bits(bits >> (first(unit, part) + 4 * i)));
  }
  __device__ static void scale(float d, float m, Numbers& u) {
    u.scale[0] = u.scale[1] = d;
    u.shift[0] = u.shift[1] = m;
  }
  __device__ static int low(const uint8_t* bytes, int i) {
    return bytes[i % 16] >> i / 16 * 4 & 15;
  }
  __device__ static int fifth(const uint8_t* high, int i) {
    return (high[i / 8] >> i % 8 & 1) << 4;
  }
};

struct Q4_0Format : Nibbles {
  using Block = blocks::Q4_0;
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    float d = half_at(b.d);
    read(b.low, unit, u);
    scale(d, -8 * d, u);
    return u;
  }
  __device__ static float weight(const Block& b, int i) {
    return float(low(b.low, i) - 8) * half_at(b.d);
  }
};

struct Q4_1Format : Nibbles {
  using Block = blocks::Q4_1;
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    read(b.low, unit, u);
    scale(half_at(b.d), half_at(b.m), u);
    return u;
  }
  __device__ static float weight(const Block& b, int i) {
    return fmaf(float(low(b.low, i)), half_at(b.d), half_at(b.m));
  }
};

struct Q5_0Format : Nibbles {
  using Block = blocks::Q5_0;
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    float d = half_at(b.d);
    read(b.low, unit, u);
    read_fifth(b.high, unit, u);
    scale(d, -16 * d, u);
    return u;
  }
  __device__ static float weight(const Block& b, int i) {
    return float((low(b.low, i) | fifth(b.high, i)) - 16) * half_at(b.d);
  }
};

struct Q5_1Format : Nibbles {
  using Block = blocks::Q5_1;
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    read(b.low, unit, u);
    read_fifth(b.high, unit, u);
    scale(half_at(b.d), half_at(b.m), u);
    return u;
  }
  __device__ static float weight(const Block& b, int i) {
    return fmaf(float(low(b.low, i) | fifth(b.high, i)), half_at(b.d), half_at(b.m));
  }
};

struct Q8_0Format {
  using Block = blocks::Q8_0;
  using Numbers = Unit<1, 2>;
  static constexpr int kUnits = 4;
  __device__ static int first(int unit, int) { return 8 * unit; }
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    for (int i = 0; i < 2; ++i) u.quad[0][i] = int(word_at(b.q + 8 * unit + 4 * i));
    u.scale[0] = half_at(b.d);
    u.shift[0] = 0;
    return u;
  }
  __device__ static float weight(const Block& b, int i) { return float(b.q[i]) * half_at(b.d); }
};

}  // namespace slm::cuda
