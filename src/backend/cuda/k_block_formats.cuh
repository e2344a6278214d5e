// The block formats of 256 weights: see block_formats.cuh.
#pragma once

#include "backend/cuda/block_formats.cuh"
#include "backend/cuda/context.h"

namespace slm::cuda {

// Q4_K and Q5_K: eight units of 16 bytes, whose halves are weights of groups 2c and 2c + 1. Blocks
// are a multiple of 16 bytes and lie on such: their header is one load, and each unit another.
struct KNibbles {
  static constexpr int kUnits = 8;
  using Numbers = Unit<2, 4>;
  __device__ static int first(int unit, int part) {
    return unit / 2 * 64 + part * 32 + unit % 2 * 16;
  }

  // d, dmin, then the twelve bytes of scales (core/blocks/k_scales.h).
  struct Header {
    uint4 words;
    __device__ uint32_t byte(int i) const {  // of the scales
      uint32_t word = i < 4 ? words.y : i < 8 ? words.z : words.w;
      return word >> i % 4 * 8 & 255;
    }
    __device__ uint32_t scale(int g) const {
      return g < 4 ? byte(g) & 63 : (byte(g + 4) & 15) | byte(g - 4) >> 6 << 4;
    }
    __device__ uint32_t min(int g) const {
      return g < 4 ? byte(g + 4) & 63 : byte(g + 4) >> 4 | byte(g) >> 6 << 4;
    }
  };

  template <class Block>
  __device__ static void read(const Block& b, int unit, Numbers& u) {
    Header header{*reinterpret_cast<const uint4*>(&b)};
    float d = half_at(uint16_t(header.words.x)), dmin = half_at(uint16_t(header.words.x >> 16));
    uint4 bytes = *reinterpret_cast<const uint4*>(b.low + 16 * unit);
    const uint32_t words[4] = {bytes.x, bytes.y, bytes.z, bytes.w};
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      int group = unit / 2 * 2 + part;
      u.scale[part] = d * float(header.scale(group));
      u.shift[part] = -dmin * float(header.min(group));
#pragma unroll
      for (int i = 0; i < 4; ++i) u.quad[part][i] = int(words[i] >> 4 * part & 0x0f0f0f0f);
    }
  }
};

struct Q4_KFormat : KNibbles {
  using Block = blocks::Q4_K;
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    read(b, unit, u);
    return u;
  }
};

struct Q5_KFormat : KNibbles {
  using Block = blocks::Q5_K;
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    read(b, unit, u);
    uint4 bytes = *reinterpret_cast<const uint4*>(b.high + unit % 2 * 16);
    const uint32_t words[4] = {bytes.x, bytes.y, bytes.z, bytes.w};
#pragma unroll
    for (int part = 0; part < 2; ++part)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        u.quad[part][i] |= int((words[i] >> (unit / 2 * 2 + part) & 0x01010101) << 4);
    return u;
  }
};

// Sixteen units of eight bytes, whose halves are weights of runs r and r + 2 of a half of 128.
struct Q6_KFormat {
  using Block = blocks::Q6_K;
  using Numbers = Unit<2, 2>;
  static constexpr int kUnits = 16;
  __device__ static int first(int unit, int part) {
    return unit / 8 * 128 + part * 64 + unit % 8 * 8;
  }
  __device__ static Numbers unit(const Block& b, int unit) {
    Numbers u;
    float d = half_at(b.d);
    int run = unit / 4 % 2;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      uint32_t low = word_at(b.low + 8 * unit + 4 * i);
      uint32_t high = word_at(b.high + unit / 8 * 32 + unit % 4 * 8 + 4 * i) >> 2 * run;
#pragma unroll
      for (int part = 0; part < 2; ++part)
        u.quad[part][i] =
            int((low >> 4 * part & 0x0f0f0f0f) | (high >> 4 * part & 0x03030303) << 4);
    }
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      u.scale[part] = d * float(b.scales[first(unit, part) / 16]);
      u.shift[part] = -32 * u.scale[part];
    }
    return u;
  }
};

// Place of a tensor's format in tables of all eight: q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k,
// q6_k.
inline size_t format_index(const Tensor& w) {
  check(w.quantized(), "[cuda] {} {} is not in blocks", traits(w.dtype()).name,
        w.shape().to_string());
  return size_t(w.dtype()) - size_t(DType::kQ4_0);
}

// The blocks of a tensor, where the loads of its format may read them.
inline const void* block_data(const Tensor& w) {
  const auto* data = device_data<const std::byte>(w);
  bool aligned =
      traits(w.dtype()).block_bytes % 16 != 0 || reinterpret_cast<uintptr_t>(data) % 16 == 0;
  check(aligned, "[cuda] blocks of {} begin at {}: a multiple of 16 is expected",
        traits(w.dtype()).name, reinterpret_cast<uintptr_t>(data) % 16);
  return data;
}

}  // namespace slm::cuda
