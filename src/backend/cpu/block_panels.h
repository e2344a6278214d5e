// Quantised blocks of kLanes rows, side by side, as what integer products read: unsigned bytes,
// four of one row in a lane, and factors. weights(block, put) calls put(i, w) once for every i
// below kElems / 4, with factors(block, scale, shift) for the same block of every row:
//   weight k of row r = scale[k / kGroup][r] * (byte k % 4 of lane r of w of i = k / 4, less
//   kOffset)
//                       + shift[k / 32][r], where kShift
// kWide: bytes may be above 127. Formulas of the blocks: core/blocks/formats.h.
#pragma once

#include <cstddef>

#include "backend/cpu/bytes.h"
#include "core/blocks/formats.h"

namespace slm::cpu::SLM_ISA {

constexpr uint32_t kLowFour = 0x0f0f0f0f;

inline Vec to_floats(UVec small) { return __builtin_convertvector(IVec(small), Vec); }

// f16 in the low or high half of every lane
inline Vec low_scale(UVec lanes) { return F16::widen(low_halves(lanes)); }
inline Vec high_scale(UVec lanes) { return F16::widen(low_halves(lanes >> 16)); }

// 16 in byte i where bit i of the lane is set, i < 4
inline UVec fifth_bits_of(UVec bits) { return ((bits & 15) * 0x00204081 & 0x01010101) << 4; }

struct BlockOf32 {
  static constexpr int kGroup = 32;
  static constexpr bool kShift = false, kWide = false;

  // A block whose bytes at `low` hold weights i and i + 16; fifth(i): the fifth bits of weights 4 i
  // to 4 i + 3.
  template <class Put, class Fifth>
  static inline __attribute__((always_inline)) void halves_of(const ByteRows& b, int64_t low,
                                                              Put put, Fifth fifth) {
    Columns bytes = columns(b, low);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      put(j, (bytes.at[j] & kLowFour) | fifth(j));
      put(j + 4, ((bytes.at[j] >> 4) & kLowFour) | fifth(j + 4));
    }
  }
  static UVec no_fifth(int) { return UVec{}; }
};

struct Q4_0Panel : BlockOf32 {
  using Block = blocks::Q4_0;
  static constexpr int kOffset = 8;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
    halves_of(b, offsetof(Block, low), put, no_fifth);
  }
  static void factors(const ByteRows& b, Vec* scale, Vec*) {
    *scale = F16::widen(halves(b, offsetof(Block, d)));
  }
};

struct Q4_1Panel : BlockOf32 {
  using Block = blocks::Q4_1;
  static constexpr int kOffset = 0;
  static constexpr bool kShift = true;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
    halves_of(b, offsetof(Block, low), put, no_fifth);
  }
  static void factors(const ByteRows& b, Vec* scale, Vec* shift) {
    UVec lines = words(b, offsetof(Block, d));
    *scale = low_scale(lines);
    *shift = high_scale(lines);
  }
};

struct Q5_0Panel : BlockOf32 {
  using Block = blocks::Q5_0;
  static constexpr int kOffset = 16;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
    UVec high = words(b, offsetof(Block, high));
    halves_of(b, offsetof(Block, low), put, [&](int i) { return fifth_bits_of(high >> (4 * i)); });
  }
  static void factors(const ByteRows& b, Vec* scale, Vec*) {
    *scale = F16::widen(halves(b, offsetof(Block, d)));
  }
};

struct Q5_1Panel : BlockOf32 {
  using Block = blocks::Q5_1;
  static constexpr int kOffset = 0;
  static constexpr bool kShift = true;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
    UVec high = words(b, offsetof(Block, high));
    halves_of(b, offsetof(Block, low), put, [&](int i) { return fifth_bits_of(high >> (4 * i)); });
  }
  static void factors(const ByteRows& b, Vec* scale, Vec* shift) {
    UVec lines = words(b, offsetof(Block, d));
    *scale = low_scale(lines);
    *shift = high_scale(lines);
  }
};

struct Q8_0Panel : BlockOf32 {
  using Block = blocks::Q8_0;
  static constexpr int kOffset = 128;
  static constexpr bool kWide = true;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      Columns q = columns(b, offsetof(Block, q) + 16 * half);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) put(4 * half + j, q.at[j] ^ 0x80808080);
    }
  }
  static void factors(const ByteRows& b, Vec* scale, Vec*) {
    *scale = F16::widen(halves(b, offsetof(Block, d)));
  }
};

// The first 16 bytes of a Q4_K or Q5_K block are scales and minima, as core/blocks/k_scales.h
// unpacks them: those of all rows at once.
struct BlockWithKScales {
  static constexpr int kOffset = 0, kGroup = 32;
  static constexpr bool kShift = true, kWide = false;
  static inline __attribute__((always_inline)) void factors(const ByteRows& b, Vec* scale,
                                                            Vec* shift) {
    Columns head = columns(b, 0);
    Vec d = low_scale(head.at[0]), dmin = -high_scale(head.at[0]);
    UVec scales = head.at[1], minima = head.at[2], rest = head.at[3];
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g, scales >>= 8, minima >>= 8, rest >>= 8) {
      scale[g] = d * to_floats(scales & 63);
      shift[g] = dmin * to_floats(minima & 63);
      scale[g + 4] = d * to_floats((rest & 15) | (scales & 0xc0) >> 2);
      shift[g + 4] = dmin * to_floats((rest & 0xf0) >> 4 | (minima & 0xc0) >> 2);
    }
  }
};

struct Q4_KPanel : BlockWithKScales {
  using Block = blocks::Q4_K;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      Columns low = columns(b, offsetof(Block, low) + 16 * i);
      int to = 16 * (i / 2) + 4 * (i % 2);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        put(to + j, low.at[j] & kLowFour);
        put(to + j + 8, (low.at[j] >> 4) & kLowFour);
      }
    }
  }
};

struct Q5_KPanel : BlockWithKScales {
  using Block = blocks::Q5_K;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      int c = i % 4, half = i / 4, to = 16 * c + 4 * half;
      Columns high = columns(b, offsetof(Block, high) + 16 * half);
      Columns low = columns(b, offsetof(Block, low) + 32 * c + 16 * half);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        UVec bits = high.at[j] >> (2 * c);
        put(to + j, (low.at[j] & kLowFour) | (bits & 0x01010101) << 4);
        put(to + j + 8, ((low.at[j] >> 4) & kLowFour) | (bits & 0x02020202) << 3);
      }
    }
  }
};

struct Q6_KPanel {
  using Block = blocks::Q6_K;
  static constexpr int kOffset = 32, kGroup = 16;
  static constexpr bool kShift = false, kWide = false;
  template <class Put>
  static inline __attribute__((always_inline)) void weights(const ByteRows& b, Put put) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {  // half i / 2 of the block, half i % 2 of its runs
      int64_t at = 64 * (i / 2) + 16 * (i % 2);
      Columns first = columns(b, at), second = columns(b, at + 32);
      Columns high = columns(b, offsetof(Block, high) + 16 * i);
      int to = 32 * (i / 2) + 4 * (i % 2);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        UVec bits = high.at[j];
        put(to + j, (first.at[j] & kLowFour) | (bits << 4 & 0x30303030));
        put(to + j + 8, (second.at[j] & kLowFour) | (bits << 2 & 0x30303030));
        put(to + j + 16, ((first.at[j] >> 4) & kLowFour) | (bits & 0x30303030));
        put(to + j + 24, ((second.at[j] >> 4) & kLowFour) | (bits >> 2 & 0x30303030));
      }
    }
  }
  static inline __attribute__((always_inline)) void factors(const ByteRows& b, Vec* scale, Vec*) {
    Columns scales = columns(b, offsetof(Block, scales));
    Vec d = F16::widen(halves(b, offsetof(Block, d)));
#pragma GCC unroll 16
    for (int g = 0; g < 16; ++g)
      scale[g] = d * to_floats(UVec(IVec(scales.at[g / 4] << (24 - 8 * (g % 4))) >> 24));
  }
};

}  // namespace slm::cpu::SLM_ISA
