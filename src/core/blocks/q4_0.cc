#include "core/blocks/fit.h"
#include "core/blocks/formats.h"
#include "core/dtype.h"

namespace slm::blocks {

void decode(const Q4_0& block, float* x) {
  float d = f16_to_f32(block.d);
  for (int i = 0; i < 16; ++i) {
    x[i] = float((block.low[i] & 15) - 8) * d;
    x[i + 16] = float((block.low[i] >> 4) - 8) * d;
  }
}

void encode(const float* x, const float* weight, Q4_0& block) {
  Group group{x, weight, 32};
  constexpr Range kRange{-8, 7};
  int8_t q[32];
  block.d = to_scale(fit_scale(group, kRange).scale);
  assign(group, {f16_to_f32(block.d), 0}, kRange, q);
  for (int i = 0; i < 16; ++i) block.low[i] = uint8_t((q[i] + 8) | (q[i + 16] + 8) << 4);
}

}  // namespace slm::blocks
