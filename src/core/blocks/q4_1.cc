#include "core/blocks/fit.h"
#include "core/blocks/formats.h"
#include "core/dtype.h"

namespace slm::blocks {

void decode(const Q4_1& block, float* x) {
  float d = f16_to_f32(block.d), m = f16_to_f32(block.m);
  for (int i = 0; i < 16; ++i) {
    x[i] = float(block.low[i] & 15) * d + m;
    x[i + 16] = float(block.low[i] >> 4) * d + m;
  }
}

void encode(const float* x, const float* weight, Q4_1& block) {
  Group group{x, weight, 32};
  Line line = fit_line(group, 15);
  int8_t q[32];
  block.d = to_scale(line.scale);
  block.m = to_scale(line.offset);
  assign(group, {f16_to_f32(block.d), f16_to_f32(block.m)}, {0, 15}, q);
  for (int i = 0; i < 16; ++i) block.low[i] = uint8_t(q[i] | q[i + 16] << 4);
}

}  // namespace slm::blocks
