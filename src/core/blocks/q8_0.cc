#include "core/blocks/fit.h"
#include "core/blocks/formats.h"
#include "core/dtype.h"

namespace slm::blocks {

void decode(const Q8_0& block, float* x) {
  float d = f16_to_f32(block.d);
  for (int i = 0; i < 32; ++i) x[i] = float(block.q[i]) * d;
}

// The range is kept symmetric: kernels that multiply pairs of bytes need no -128.
void encode(const float* x, const float* weight, Q8_0& block) {
  Group group{x, weight, 32};
  constexpr Range kRange{-127, 127};
  block.d = to_scale(fit_scale(group, kRange).scale);
  assign(group, {f16_to_f32(block.d), 0}, kRange, block.q);
}

}  // namespace slm::blocks
