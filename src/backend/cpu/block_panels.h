// Quantised blocks of kLanes rows, side by side, as what integer products read: unsigned bytes,
// four of one row in a lane, and factors. unpack(block, w, scale, shift) writes the same block of
// every row:
//   weight i of row r = scale[i / kGroup][r] * (byte i % 4 of lane r of w[i / 4], less kOffset)
//                       + shift[i / 32][r], where kShift
// kWide: bytes may be above 127. Formulas of the blocks: core/blocks/formats.h.
#pragma once

#include <cstddef>

#include "backend/cpu/bytes.h"
#include "core/blocks/formats.h"

namespace slm::cpu::SLM_ISA {

constexpr uint32_t kLowFour = 0x0f0f0f0f;

inline Vec to_floats(UVec small) { return __builtin_convertvector(IVec(small), Vec); }

// f16 in the low or high half of every lane
inline Vec low_scale(UVec lanes) { return widen_f16(low_halves(lanes)); }
inline Vec high_scale(UVec lanes) { return widen_f16(low_halves(lanes >> 16)); }

// 16 in byte i where bit i of the lane is set, i < 4
inline UVec fifth_bits_of(UVec bits) { return ((bits & 15) * 0x00204081 & 0x01010101) << 4; }

// The 32 weights of a block whose bytes hold weights i and i + 16.
inline void unpack_halves(const Columns& low, UVec* w) {
  for (int j = 0; j < 4; ++j) {
    w[j] = low.at[j] & kLowFour;
    w[j + 4] = (low.at[j] >> 4) & kLowFour;
  }
}
inline void add_fifth_bits(UVec high, UVec* w) {
  for (int j = 0; j < 8; ++j) w[j] |= fifth_bits_of(high >> (4 * j));
}

struct Q4_0Panel {
  using Block = blocks::Q4_0;
  static constexpr int kOffset = 8, kGroup = 32;
  static constexpr bool kShift = false, kWide = false;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec*) {
    unpack_halves(columns(b, offsetof(Block, low)), w);
    *scale = widen_f16(halves(b, offsetof(Block, d)));
  }
};

struct Q4_1Panel {
  using Block = blocks::Q4_1;
  static constexpr int kOffset = 0, kGroup = 32;
  static constexpr bool kShift = true, kWide = false;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec* shift) {
    unpack_halves(columns(b, offsetof(Block, low)), w);
    UVec lines = words(b, offsetof(Block, d));
    *scale = low_scale(lines);
    *shift = high_scale(lines);
  }
};

struct Q5_0Panel {
  using Block = blocks::Q5_0;
  static constexpr int kOffset = 16, kGroup = 32;
  static constexpr bool kShift = false, kWide = false;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec*) {
    unpack_halves(columns(b, offsetof(Block, low)), w);
    add_fifth_bits(words(b, offsetof(Block, high)), w);
    *scale = widen_f16(halves(b, offsetof(Block, d)));
  }
};

struct Q5_1Panel {
  using Block = blocks::Q5_1;
  static constexpr int kOffset = 0, kGroup = 32;
  static constexpr bool kShift = true, kWide = false;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec* shift) {
    Columns head = columns(b, 0);
    unpack_halves(columns(b, offsetof(Block, low)), w);
    add_fifth_bits(head.at[1], w);
    *scale = low_scale(head.at[0]);
    *shift = high_scale(head.at[0]);
  }
};

struct Q8_0Panel {
  using Block = blocks::Q8_0;
  static constexpr int kOffset = 128, kGroup = 32;
  static constexpr bool kShift = false, kWide = true;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec*) {
    for (int half = 0; half < 2; ++half) {
      Columns q = columns(b, offsetof(Block, q) + 16 * half);
      for (int j = 0; j < 4; ++j) w[4 * half + j] = q.at[j] ^ 0x80808080;
    }
    *scale = widen_f16(halves(b, offsetof(Block, d)));
  }
};

// The first 16 bytes of a Q4_K or Q5_K block: scales and minima, as core/blocks/k_scales.h unpacks
// them, of all rows at once.
inline void unpack_k_scales(const Columns& head, Vec* scale, Vec* shift) {
  Vec d = low_scale(head.at[0]), dmin = -high_scale(head.at[0]);
  UVec scales = head.at[1], minima = head.at[2], rest = head.at[3];
  for (int g = 0; g < 4; ++g, scales >>= 8, minima >>= 8, rest >>= 8) {
    scale[g] = d * to_floats(scales & 63);
    shift[g] = dmin * to_floats(minima & 63);
    scale[g + 4] = d * to_floats((rest & 15) | (scales & 0xc0) >> 2);
    shift[g + 4] = dmin * to_floats((rest & 0xf0) >> 4 | (minima & 0xc0) >> 2);
  }
}

struct Q4_KPanel {
  using Block = blocks::Q4_K;
  static constexpr int kOffset = 0, kGroup = 32;
  static constexpr bool kShift = true, kWide = false;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec* shift) {
    unpack_k_scales(columns(b, 0), scale, shift);
    for (int i = 0; i < 8; ++i) {
      Columns low = columns(b, offsetof(Block, low) + 16 * i);
      UVec* to = w + 16 * (i / 2) + 4 * (i % 2);
      for (int j = 0; j < 4; ++j) {
        to[j] = low.at[j] & kLowFour;
        to[j + 8] = (low.at[j] >> 4) & kLowFour;
      }
    }
  }
};

struct Q5_KPanel {
  using Block = blocks::Q5_K;
  static constexpr int kOffset = 0, kGroup = 32;
  static constexpr bool kShift = true, kWide = false;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec* shift) {
    unpack_k_scales(columns(b, 0), scale, shift);
    for (int half = 0; half < 2; ++half) {
      Columns high = columns(b, offsetof(Block, high) + 16 * half);
      for (int c = 0; c < 4; ++c) {
        Columns low = columns(b, offsetof(Block, low) + 32 * c + 16 * half);
        UVec* to = w + 16 * c + 4 * half;
        for (int j = 0; j < 4; ++j) {
          UVec bits = high.at[j] >> (2 * c);
          to[j] = (low.at[j] & kLowFour) | (bits & 0x01010101) << 4;
          to[j + 8] = ((low.at[j] >> 4) & kLowFour) | (bits & 0x02020202) << 3;
        }
      }
    }
  }
};

struct Q6_KPanel {
  using Block = blocks::Q6_K;
  static constexpr int kOffset = 32, kGroup = 16;
  static constexpr bool kShift = false, kWide = false;
  static void unpack(const ByteRows& b, UVec* w, Vec* scale, Vec*) {
    for (int i = 0; i < 4; ++i) {  // half i / 2 of the block, half i % 2 of its runs
      int64_t at = 64 * (i / 2) + 16 * (i % 2);
      Columns first = columns(b, at), second = columns(b, at + 32);
      Columns high = columns(b, offsetof(Block, high) + 16 * i);
      UVec* to = w + 32 * (i / 2) + 4 * (i % 2);
      for (int j = 0; j < 4; ++j) {
        to[j] = (first.at[j] & kLowFour) | (high.at[j] << 4 & 0x30303030);
        to[j + 8] = (second.at[j] & kLowFour) | (high.at[j] << 2 & 0x30303030);
        to[j + 16] = ((first.at[j] >> 4) & kLowFour) | (high.at[j] & 0x30303030);
        to[j + 24] = ((second.at[j] >> 4) & kLowFour) | (high.at[j] >> 2 & 0x30303030);
      }
    }
    Columns scales = columns(b, offsetof(Block, scales));
    Vec d = widen_f16(halves(b, offsetof(Block, d)));
    for (int g = 0; g < 16; ++g)
      scale[g] = d * to_floats(UVec(IVec(scales.at[g / 4] << (24 - 8 * (g % 4))) >> 24));
  }
};

}  // namespace slm::cpu::SLM_ISA
