// Quantised blocks of kLanes rows as integer products read them. A panel holds the blocks of
// kLanes rows one after the other, each transposed: no byte more than the rows have.
//
// weights(block, stretch, run, j): bytes 4 j to 4 j + 3 of run stretch * kStretch + run of 32
// weights, of one row in each lane; run and j are to be constants after unrolling.
// factors(block, scale, shift): those of every group and run. Then, of row r,
//   weight k = scale[k / kGroup][r] * (byte k - kOffset) + shift[k / 32][r], the latter where
//   kShift
// kWide: bytes may be above 127. kInOrder: a block's bytes are read from first to last. Formulas of
// the blocks: core/blocks/formats.h.
#pragma once

#include <cstddef>

#include "backend/cpu/bytes.h"
#include "core/blocks/formats.h"

namespace slm::cpu::SLM_ISA {

// Transposes one block of every row: `d` by twos where it stands alone, the rest by fours.
template <class Block>
inline void transpose_block(const ByteRows& rows, uint8_t* to) {
  constexpr int64_t kD = offsetof(Block, d), kSize = sizeof(Block);
  constexpr bool kAlone = kSize % 4 != 0;
  constexpr int64_t kBegin = kAlone && kD == 0 ? 2 : 0, kEnd = kBegin + kSize / 4 * 4;
  if (kAlone) store_as(to + kLanes * kD, halves(rows, kD));
  int64_t at = kBegin;
#pragma GCC unroll 13
  for (; at + 16 <= kEnd; at += 16) store_as(to + kLanes * at, columns(rows, at));
#pragma GCC unroll 3
  for (; at < kEnd; at += 4) store_as(to + kLanes * at, words(rows, at));
}

constexpr uint32_t kLowFour = 0x0f0f0f0f;

inline Vec to_floats(UVec small) { return __builtin_convertvector(IVec(small), Vec); }

// Scales and shifts of blocks of 32: `d` alone, or `d` and `m` side by side.
template <class B, int kOffsetOfWeights>
struct ScaledBlock {
  using Block = B;
  static constexpr int kOffset = kOffsetOfWeights, kGroup = 32, kStretch = 1;
  static constexpr bool kShift = false, kInOrder = true;
  static void factors(const PanelBlock& b, Vec* scale, Vec*) {
    *scale = F16::widen(halves(b, offsetof(Block, d)));
  }
};
template <class B>
struct ShiftedBlock {
  using Block = B;
  static constexpr int kOffset = 0, kGroup = 32, kStretch = 1;
  static constexpr bool kShift = true, kInOrder = true;
  static void factors(const PanelBlock& b, Vec* scale, Vec* shift) {
    UVec both = words(b, offsetof(Block, d));
    *scale = F16::widen(low_halves(both));
    *shift = F16::widen(low_halves(both >> 16));
  }
};

// Weights of four or five bits: those of i and i + 16 share a byte of `low`.
template <class Factors>
struct FourBits : Factors {
  static constexpr bool kWide = false;
  static UVec weights(const PanelBlock& b, int, int, int j) {
    return (words(b, offsetof(typename Factors::Block, low) + 4 * (j % 4)) >> (4 * (j / 4))) &
           kLowFour;
  }
};
template <class Factors>
struct FiveBits : FourBits<Factors> {
  static UVec weights(const PanelBlock& b, int, int, int j) {
    UVec bits = (words(b, offsetof(typename Factors::Block, high)) >> (4 * j)) & 15;
    // bit i becomes bit 4 of byte i
    return FourBits<Factors>::weights(b, 0, 0, j) | ((bits * 0x00204081 & 0x01010101) << 4);
  }
};

using Q4_0Panel = FourBits<ScaledBlock<blocks::Q4_0, 8>>;
using Q4_1Panel = FourBits<ShiftedBlock<blocks::Q4_1>>;
using Q5_0Panel = FiveBits<ScaledBlock<blocks::Q5_0, 16>>;
using Q5_1Panel = FiveBits<ShiftedBlock<blocks::Q5_1>>;

struct Q8_0Panel : ScaledBlock<blocks::Q8_0, 128> {
  static constexpr bool kWide = true;
  static UVec weights(const PanelBlock& b, int, int, int j) {
    return words(b, offsetof(Block, q) + 4 * j) ^ 0x80808080;
  }
};

// The first 16 bytes of a Q4_K or Q5_K block are scales and minima, as core/blocks/k_scales.h
// unpacks them: those of all rows at once.
template <class B>
struct BlockWithKScales {
  using Block = B;
  static constexpr int kOffset = 0, kGroup = 32;
  static constexpr bool kShift = true, kWide = false, kInOrder = true;
  static inline __attribute__((always_inline)) void factors(const PanelBlock& b, Vec* scale,
                                                            Vec* shift) {
    UVec both = words(b, offsetof(Block, d));
    Vec d = F16::widen(low_halves(both)), dmin = -F16::widen(low_halves(both >> 16));
    UVec scales = words(b, 4), minima = words(b, 8), rest = words(b, 12);
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g, scales >>= 8, minima >>= 8, rest >>= 8) {
      scale[g] = d * to_floats(scales & 63);
      shift[g] = dmin * to_floats(minima & 63);
      scale[g + 4] = d * to_floats((rest & 15) | (scales & 0xc0) >> 2);
      shift[g + 4] = dmin * to_floats((rest & 0xf0) >> 4 | (minima & 0xc0) >> 2);
    }
  }
  // The low four bits of runs 2 c and 2 c + 1 share bytes.
  static UVec low_bits(const PanelBlock& b, int c, int run, int j) {
    return (words(b, offsetof(Block, low) + 32 * c + 4 * j) >> (4 * run)) & kLowFour;
  }
};

struct Q4_KPanel : BlockWithKScales<blocks::Q4_K> {
  static constexpr int kStretch = 2;
  static UVec weights(const PanelBlock& b, int stretch, int run, int j) {
    return low_bits(b, stretch, run, j);
  }
};

struct Q5_KPanel : BlockWithKScales<blocks::Q5_K> {
  static constexpr int kStretch = 4;
  static UVec weights(const PanelBlock& b, int stretch, int run, int j) {
    UVec fifth = words(b, offsetof(Block, high) + 4 * j) >> (4 * stretch);
    return low_bits(b, 2 * stretch + run / 2, run % 2, j) | (fifth << (4 - run) & 0x10101010);
  }
};

struct Q6_KPanel {
  using Block = blocks::Q6_K;
  static constexpr int kOffset = 32, kGroup = 16, kStretch = 4;
  static constexpr bool kShift = false, kWide = false, kInOrder = false;
  static UVec weights(const PanelBlock& b, int stretch, int run, int j) {
    UVec low = words(b, 64 * stretch + 32 * (run % 2) + 4 * j) >> (4 * (run / 2));
    UVec high = words(b, offsetof(Block, high) + 32 * stretch + 4 * j);
    high = run < 2 ? high << (4 - 2 * run) : high >> (2 * run - 4);
    return (low & kLowFour) | (high & 0x30303030);
  }
  static inline __attribute__((always_inline)) void factors(const PanelBlock& b, Vec* scale, Vec*) {
    Vec d = F16::widen(halves(b, offsetof(Block, d)));
#pragma GCC unroll 16
    for (int g = 0; g < 16; ++g) {
      UVec four = words(b, offsetof(Block, scales) + g / 4 * 4);
      scale[g] = d * to_floats(UVec(IVec(four << (24 - 8 * (g % 4))) >> 24));
    }
  }
};

}  // namespace slm::cpu::SLM_ISA
