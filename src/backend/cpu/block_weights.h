// The weights of one quantised block, a register at a time: each(block, put) calls put(i, weights i
// to i + kLanes) for all of them. Formulas: core/blocks/formats.h.
#pragma once

#include <bit>
#include <cstring>

#include "backend/cpu/vec.h"
#include "core/blocks/formats.h"

namespace slm::cpu::SLM_ISA {

using ByteVec = uint8_t __attribute__((vector_size(kLanes)));

// kLanes bytes, each in a lane of its own: zero-extended in two steps, each a shuffle with zeros,
// which GCC 12 turns into one instruction together.
template <int... kByte>
inline HalfVec to_halves(ByteVec bytes, std::integer_sequence<int, kByte...>) {
  return HalfVec(__builtin_shufflevector(bytes, ByteVec{}, (kByte % 2 ? kLanes : kByte / 2)...));
}
inline UVec load_bytes(const void* p) {
  ByteVec bytes;
  std::memcpy(&bytes, p, sizeof(bytes));
  return zero_extended(to_halves(bytes, std::make_integer_sequence<int, 2 * kLanes>{}));
}
inline Vec to_float(UVec small) { return __builtin_convertvector(IVec(small), Vec); }

// One f16: F16::load_one would fill a register for it.
inline float scale_of(uint16_t half) {
  uint32_t magnitude = uint32_t(half & 0x7fff) << 13;
  float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  if (magnitude >= 0x0f800000) value = std::bit_cast<float>(magnitude | 0x7f800000);
  return half & 0x8000 ? -value : value;
}

// 0, 1, 2, ...
template <int... kLane>
inline UVec lane_numbers(std::integer_sequence<int, kLane...>) {
  return UVec{kLane...};
}
inline UVec lane_numbers() { return lane_numbers(std::make_integer_sequence<int, kLanes>{}); }

// 16 where the bit of this lane in `bits` from `first` on is set
inline UVec fifth_bits(uint32_t bits, int first) {
  return ((bits >> (lane_numbers() + uint32_t(first))) & 1) << 4;
}
inline uint32_t bits_of(const uint8_t (&high)[4]) {
  uint32_t bits;
  std::memcpy(&bits, high, 4);
  return bits;
}

struct Q4_0Weights {
  using Block = blocks::Q4_0;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    Vec d = splat(scale_of(b.d));
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += kLanes) {
      UVec low = load_bytes(b.low + i);
      put(i, to_float((low & 15) - 8) * d);
      put(i + 16, to_float((low >> 4) - 8) * d);
    }
  }
};

struct Q4_1Weights {
  using Block = blocks::Q4_1;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    Vec d = splat(scale_of(b.d)), m = splat(scale_of(b.m));
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += kLanes) {
      UVec low = load_bytes(b.low + i);
      put(i, to_float(low & 15) * d + m);
      put(i + 16, to_float(low >> 4) * d + m);
    }
  }
};

struct Q5_0Weights {
  using Block = blocks::Q5_0;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    Vec d = splat(scale_of(b.d));
    uint32_t high = bits_of(b.high);
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += kLanes) {
      UVec low = load_bytes(b.low + i);
      put(i, to_float(((low & 15) | fifth_bits(high, i)) - 16) * d);
      put(i + 16, to_float(((low >> 4) | fifth_bits(high, i + 16)) - 16) * d);
    }
  }
};

struct Q5_1Weights {
  using Block = blocks::Q5_1;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    Vec d = splat(scale_of(b.d)), m = splat(scale_of(b.m));
    uint32_t high = bits_of(b.high);
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += kLanes) {
      UVec low = load_bytes(b.low + i);
      put(i, to_float((low & 15) | fifth_bits(high, i)) * d + m);
      put(i + 16, to_float((low >> 4) | fifth_bits(high, i + 16)) * d + m);
    }
  }
};

struct Q8_0Weights {
  using Block = blocks::Q8_0;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    Vec d = splat(scale_of(b.d));
#pragma GCC unroll 8
    for (int i = 0; i < 32; i += kLanes) put(i, to_float((load_bytes(b.q + i) ^ 128) - 128) * d);
  }
};

// The scale and minimum of each group of a Q4_K or Q5_K block, as core/blocks/k_scales.h unpacks
// them.
struct GroupLines {
  float scale[8], min[8];
  template <class Block>
  explicit GroupLines(const Block& b) {
    float d = scale_of(b.d), dmin = scale_of(b.dmin);
    for (int g = 0; g < 4; ++g) {
      uint8_t a = b.scales[g], m = b.scales[g + 4], rest = b.scales[g + 8];
      scale[g] = d * float(a & 63);
      min[g] = dmin * float(m & 63);
      scale[g + 4] = d * float((rest & 15) | (a >> 6) << 4);
      min[g + 4] = dmin * float(rest >> 4 | (m >> 6) << 4);
    }
  }
};

struct Q4_KWeights {
  using Block = blocks::Q4_K;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    GroupLines lines(b);
    for (int c = 0; c < 4; ++c) {
      Vec d0 = splat(lines.scale[2 * c]), m0 = splat(lines.min[2 * c]);
      Vec d1 = splat(lines.scale[2 * c + 1]), m1 = splat(lines.min[2 * c + 1]);
#pragma GCC unroll 8
      for (int i = 0; i < 32; i += kLanes) {
        UVec low = load_bytes(b.low + 32 * c + i);
        put(64 * c + i, to_float(low & 15) * d0 - m0);
        put(64 * c + 32 + i, to_float(low >> 4) * d1 - m1);
      }
    }
  }
};

struct Q5_KWeights {
  using Block = blocks::Q5_K;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    GroupLines lines(b);
    for (int c = 0; c < 4; ++c) {
      Vec d0 = splat(lines.scale[2 * c]), m0 = splat(lines.min[2 * c]);
      Vec d1 = splat(lines.scale[2 * c + 1]), m1 = splat(lines.min[2 * c + 1]);
#pragma GCC unroll 8
      for (int i = 0; i < 32; i += kLanes) {
        UVec low = load_bytes(b.low + 32 * c + i), high = load_bytes(b.high + i) >> (2 * c);
        put(64 * c + i, to_float((low & 15) | (high & 1) << 4) * d0 - m0);
        put(64 * c + 32 + i, to_float((low >> 4) | (high & 2) << 3) * d1 - m1);
      }
    }
  }
};

struct Q6_KWeights {
  using Block = blocks::Q6_K;
  template <class Put>
  static inline __attribute__((always_inline)) void each(const Block& b, Put put) {
    float d = scale_of(b.d);
    for (int half = 0; half < 2; ++half)
#pragma GCC unroll 8
      for (int i = 0; i < 32; i += kLanes) {
        UVec first = load_bytes(b.low + 64 * half + i),
             second = load_bytes(b.low + 64 * half + 32 + i);
        UVec high = load_bytes(b.high + 32 * half + i);
        const int8_t* scales = b.scales + 8 * half + i / 16;
        auto put_run = [&](int run, UVec low, UVec bits) {
          put(128 * half + 32 * run + i,
              to_float((low | (bits & 3) << 4) - 32) * splat(d * float(scales[2 * run])));
        };
        put_run(0, first & 15, high);
        put_run(1, second & 15, high >> 2);
        put_run(2, first >> 4, high >> 4);
        put_run(3, second >> 4, high >> 6);
      }
  }
};

}  // namespace slm::cpu::SLM_ISA
