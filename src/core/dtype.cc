#include "core/dtype.h"

#include <array>
#include <cmath>
#include <cstring>

#include "core/blocks/formats.h"
#include "util/error.h"

namespace slm {
namespace {

template <class Stored, float (*load)(Stored)>
void widen(const void* in, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    Stored s;  // file data may be unaligned
    std::memcpy(&s, static_cast<const char*>(in) + i * int64_t(sizeof(Stored)), sizeof(Stored));
    out[i] = load(s);
  }
}

template <class Stored, Stored (*store)(float)>
void narrow(const float* in, void* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    Stored s = store(in[i]);
    std::memcpy(static_cast<char*>(out) + i * int64_t(sizeof(Stored)), &s, sizeof(Stored));
  }
}

template <class T>
float as_float(T x) {
  return float(x);
}

template <class T>
T from_float(float x) {
  return T(x);
}

template <class T>
constexpr DTypeTraits integer_row(std::string_view name, std::string_view file_name) {
  return {name, file_name, 1, sizeof(T), false, widen<T, as_float<T>>, nullptr};
}

template <class Block>
using Encode = void (*)(const float*, const float*, Block&);

// `weight_step`: from one block's weights to the next's.
template <class Block, Encode<Block> encode>
void encode_blocks(const float* in, const float* weight, int64_t weight_step, void* out,
                   int64_t n) {
  for (int64_t i = 0; i < n / Block::kElems; ++i) {
    Block block{};
    encode(in + i * Block::kElems, weight + i * weight_step, block);
    std::memcpy(static_cast<Block*>(out) + i, &block, sizeof(Block));
  }
}

template <class Block, void (*decode)(const Block&, float*), Encode<Block> encode>
constexpr DTypeTraits block_row(std::string_view name) {
  auto to_f32 = [](const void* in, float* out, int64_t n) {
    for (int64_t i = 0; i < n / Block::kElems; ++i) {
      Block block;
      std::memcpy(&block, static_cast<const Block*>(in) + i, sizeof(Block));
      decode(block, out + i * Block::kElems);
    }
  };
  auto from_f32 = [](const float* in, void* out, int64_t n) {
    std::array<float, Block::kElems> ones;
    ones.fill(1);
    encode_blocks<Block, encode>(in, ones.data(), 0, out, n);
  };
  auto weighted = [](const float* in, const float* weight, void* out, int64_t n) {
    encode_blocks<Block, encode>(in, weight, Block::kElems, out, n);
  };
  return {name, "", Block::kElems, sizeof(Block), true, to_f32, from_f32, weighted};
}

const std::array<DTypeTraits, 18> kTable{{
    {"f32", "F32", 1, 4, true, widen<float, as_float<float>>, narrow<float, from_float<float>>},
    {"bf16", "BF16", 1, 2, true, widen<uint16_t, bf16_to_f32>, narrow<uint16_t, f32_to_bf16>},
    {"f16", "F16", 1, 2, true, widen<uint16_t, f16_to_f32>, narrow<uint16_t, f32_to_f16>},
    {"f64", "F64", 1, 8, true, widen<double, as_float<double>>, narrow<double, from_float<double>>},
    integer_row<int64_t>("i64", "I64"),
    integer_row<int32_t>("i32", "I32"),
    integer_row<int16_t>("i16", "I16"),
    integer_row<int8_t>("i8", "I8"),
    integer_row<uint8_t>("u8", "U8"),
    integer_row<uint8_t>("bool", "BOOL"),
    block_row<blocks::Q4_0, blocks::decode, blocks::encode>("q4_0"),
    block_row<blocks::Q4_1, blocks::decode, blocks::encode>("q4_1"),
    block_row<blocks::Q5_0, blocks::decode, blocks::encode>("q5_0"),
    block_row<blocks::Q5_1, blocks::decode, blocks::encode>("q5_1"),
    block_row<blocks::Q8_0, blocks::decode, blocks::encode>("q8_0"),
    block_row<blocks::Q4_K, blocks::decode, blocks::encode>("q4_k"),
    block_row<blocks::Q5_K, blocks::decode, blocks::encode>("q5_k"),
    block_row<blocks::Q6_K, blocks::decode, blocks::encode>("q6_k"),
}};

template <class Match>
std::optional<DType> find(Match match) {
  for (size_t i = 0; i < kTable.size(); ++i)
    if (match(kTable[i])) return DType(i);
  return std::nullopt;
}

}  // namespace

const DTypeTraits& traits(DType type) { return kTable[size_t(type)]; }

std::optional<DType> dtype_from_name(std::string_view name) {
  if (name == "bfloat16") return DType::kBF16;
  if (name == "float16" || name == "half") return DType::kF16;
  if (name == "float32" || name == "float") return DType::kF32;
  return find([&](const DTypeTraits& t) { return t.name == name; });
}

std::optional<DType> dtype_from_file_name(std::string_view name) {
  return find([&](const DTypeTraits& t) { return !name.empty() && t.file_name == name; });
}

int64_t bytes_of(DType type, int64_t n) {
  const DTypeTraits& t = traits(type);
  check(n % t.block_elems == 0, "[dtype] {} elements are not a whole number of {} blocks of {}", n,
        t.name, t.block_elems);
  return n / t.block_elems * t.block_bytes;
}

double epsilon(DType type) {
  switch (type) {
    case DType::kF64:
      return 0x1p-52;
    case DType::kF32:
      return 0x1p-23;
    case DType::kF16:
      return 0x1p-10;
    case DType::kBF16:
      return 0x1p-7;
    default:
      return 0;
  }
}

float f16_to_f32(uint16_t h) {
  uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0)
    return std::copysign(float(mantissa) * 0x1p-24f, std::bit_cast<float>(sign | 0x3f800000));
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t f32_to_f16(float x) {
  uint32_t u = std::bit_cast<uint32_t>(x), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
  if (magnitude > 0x7f800000) return uint16_t(sign | 0x7e00);   // NaN
  if (magnitude >= 0x477ff000) return uint16_t(sign | 0x7c00);  // rounds to infinity
  if (magnitude < 0x38800000) {  // subnormal: let the FPU round to 2^-24 steps
    float steps = std::bit_cast<float>(magnitude) * 0x1p24f;
    return uint16_t(sign | uint32_t(std::nearbyint(steps)));
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return uint16_t(sign | ((rounded >> 13) - (112 << 10)));
}

}  // namespace slm
