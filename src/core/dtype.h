// Number formats are a table: adding one adds a row here and its kernels.
//
// Block formats (q4_0 to q6_k) hold 32 or 256 numbers in one block of bytes with a scale of their
// own: a tensor's last axis is a whole number of blocks. What each block holds:
// core/blocks/formats.h.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slm {

enum class DType : uint8_t {
  kF32,
  kBF16,
  kF16,
  kF64,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kBool,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K
};

struct DTypeTraits {
  std::string_view name;  // "bf16"; what --dtype takes
  std::string_view
      file_name;    // "BF16"; what a safetensors header says; empty: it has no word for this format
  int block_elems;  // elements per block, 1 for plain types
  int block_bytes;
  bool floating;
  void (*to_f32)(const void* blocks, float* out, int64_t n);  // n: a multiple of block_elems
  // Plain formats round to nearest even; block formats search for scales of small squared error.
  // Null: read-only format.
  void (*from_f32)(const float* in, void* blocks, int64_t n);
  // Of block formats: from_f32 that makes the sum of weight[i] * error[i]^2 small. Weights are not
  // negative.
  void (*from_f32_weighted)(const float* in, const float* weight, void* blocks,
                            int64_t n) = nullptr;
};

const DTypeTraits& traits(DType type);
std::optional<DType> dtype_from_name(
    std::string_view name);  // of DTypeTraits::name; also "bfloat16", "float16", "float32"
std::optional<DType> dtype_from_file_name(std::string_view name);  // of DTypeTraits::file_name

// Bytes of n elements of a type; n must be a whole number of blocks.
int64_t bytes_of(DType type, int64_t n);

// Distance from 1 to the next value: the unit of derived tolerances.
double epsilon(DType type);

// 16-bit floats are carried as their bits.
inline float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
inline uint16_t f32_to_bf16(float x) {
  uint32_t u = std::bit_cast<uint32_t>(x);
  if ((u & 0x7fffffff) > 0x7f800000) return uint16_t(u >> 16 | 0x40);  // NaN stays NaN
  return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
float f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float x);

}  // namespace slm
