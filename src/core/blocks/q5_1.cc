#include "core/blocks/fifth_bits.h"
#include "core/blocks/fit.h"
#include "core/blocks/formats.h"
#include "core/dtype.h"

namespace slm::blocks {

void decode(const Q5_1& block, float* x) {
  float d = f16_to_f32(block.d), m = f16_to_f32(block.m);
  for (int i = 0; i < 16; ++i) {
    x[i] = float((block.low[i] & 15) | fifth_bit(block.high, i)) * d + m;
    x[i + 16] = float(block.low[i] >> 4 | fifth_bit(block.high, i + 16)) * d + m;
  }
}

void encode(const float* x, const float* weight, Q5_1& block) {
  Group group{x, weight, 32};
  Line line = fit_line(group, 31);
  int8_t q[32];
  block.d = to_scale(line.scale);
  block.m = to_scale(line.offset);
  assign(group, {f16_to_f32(block.d), f16_to_f32(block.m)}, {0, 31}, q);
  split_fifth_bits(q, block.high, block.low);
}

}  // namespace slm::blocks
