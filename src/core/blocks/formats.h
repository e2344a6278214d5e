// The blocks of quantised weights, byte for byte as GGUF files hold them (ggml's formats of the
// same names). Scales are f16 bits, integers little-endian; a byte of `low` holds the low four bits
// of two weights, `high` the bits above them.
//
// decode: the weights, each product and sum rounded to f32 in the order written here, as ggml's
// plain C does.
// encode: integers and scales that make the sum of weight[i] * (x[i] - decoded[i])^2 small. Weights
// are not negative. Numbers past what f16 scales can reach saturate.
#pragma once

#include <cstdint>

namespace slm::blocks {

// x[i] = (low[i] - 8) * d: weights 0..15 in the low half of the bytes, 16..31 in the high half
struct Q4_0 {
  static constexpr int kElems = 32;
  uint16_t d;
  uint8_t low[16];
};

// x[i] = low[i] * d + m
struct Q4_1 {
  static constexpr int kElems = 32;
  uint16_t d, m;
  uint8_t low[16];
};

// x[i] = (low[i] + 16 * bit i of high - 16) * d
struct Q5_0 {
  static constexpr int kElems = 32;
  uint16_t d;
  uint8_t high[4], low[16];
};

// x[i] = (low[i] + 16 * bit i of high) * d + m
struct Q5_1 {
  static constexpr int kElems = 32;
  uint16_t d, m;
  uint8_t high[4], low[16];
};

// x[i] = q[i] * d
struct Q8_0 {
  static constexpr int kElems = 32;
  uint16_t d;
  int8_t q[32];
};

// Eight groups of 32: x[i] = (d * s[g]) * q[i] - dmin * m[g], with the six-bit s and m packed into
// `scales` (k_scales.h). Groups 2c and 2c + 1 lie in the low and high halves of bytes 32c..32c+31.
struct Q4_K {
  static constexpr int kElems = 256;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t low[128];
};

// As Q4_K, and bit g of high[l] is the fifth bit of weight l of group g.
struct Q5_K {
  static constexpr int kElems = 256;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t high[32], low[128];
};

// Sixteen groups of 16: x[i] = (d * scales[g]) * (q[i] - 32). Each half of 128 weights is four runs
// of 32: the low halves of 64 bytes of `low`, then their high halves; bits 2r and 2r + 1 of high[l]
// belong to weight l of run r.
struct Q6_K {
  static constexpr int kElems = 256;
  uint8_t low[128], high[64];
  int8_t scales[16];
  uint16_t d;
};

static_assert(sizeof(Q4_0) == 18 && sizeof(Q4_1) == 20 && sizeof(Q5_0) == 22 &&
              sizeof(Q5_1) == 24 && sizeof(Q8_0) == 34 && sizeof(Q4_K) == 144 &&
              sizeof(Q5_K) == 176 && sizeof(Q6_K) == 210);

void decode(const Q4_0& block, float* x);
void decode(const Q4_1& block, float* x);
void decode(const Q5_0& block, float* x);
void decode(const Q5_1& block, float* x);
void decode(const Q8_0& block, float* x);
void decode(const Q4_K& block, float* x);
void decode(const Q5_K& block, float* x);
void decode(const Q6_K& block, float* x);

void encode(const float* x, const float* weight, Q4_0& block);
void encode(const float* x, const float* weight, Q4_1& block);
void encode(const float* x, const float* weight, Q5_0& block);
void encode(const float* x, const float* weight, Q5_1& block);
void encode(const float* x, const float* weight, Q8_0& block);
void encode(const float* x, const float* weight, Q4_K& block);
void encode(const float* x, const float* weight, Q5_K& block);
void encode(const float* x, const float* weight, Q6_K& block);

}  // namespace slm::blocks
