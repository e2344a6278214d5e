#include "core/blocks/fifth_bits.h"
#include "core/blocks/fit.h"
#include "core/blocks/formats.h"
#include "core/dtype.h"

namespace slm::blocks {

void decode(const Q5_0& block, float* x) {
  float d = f16_to_f32(block.d);
  for (int i = 0; i < 16; ++i) {
    x[i] = float(((block.low[i] & 15) | fifth_bit(block.high, i)) - 16) * d;
    x[i + 16] = float((block.low[i] >> 4 | fifth_bit(block.high, i + 16)) - 16) * d;
  }
}

void encode(const float* x, const float* weight, Q5_0& block) {
  Group group{x, weight, 32};
  constexpr Range kRange{-16, 15};
  int8_t q[32];
  block.d = to_scale(fit_scale(group, kRange).scale);
  assign(group, {f16_to_f32(block.d), 0}, kRange, q);
  for (int8_t& value : q) value = int8_t(value + 16);
  split_fifth_bits(q, block.high, block.low);
}

}  // namespace slm::blocks
