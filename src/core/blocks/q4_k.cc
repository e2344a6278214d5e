#include "core/blocks/formats.h"
#include "core/blocks/k_scales.h"
#include "core/dtype.h"

namespace slm::blocks {

void decode(const Q4_K& block, float* x) {
  KScales s;
  unpack(block.scales, s);
  float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (int g = 0; g < 8; ++g) {
    float scale = d * float(s.scale[g]), min = dmin * float(s.min[g]);
    const uint8_t* low = block.low + g / 2 * 32;
    for (int i = 0; i < 32; ++i) *x++ = scale * float(g % 2 ? low[i] >> 4 : low[i] & 15) - min;
  }
}

void encode(const float* x, const float* weight, Q4_K& block) {
  int8_t q[256];
  KScales s = fit_k_scales(x, weight, 15, q);
  block.d = s.d;
  block.dmin = s.dmin;
  pack(s, block.scales);
  for (int c = 0; c < 4; ++c)
    for (int i = 0; i < 32; ++i)
      block.low[32 * c + i] = uint8_t(q[64 * c + i] | q[64 * c + 32 + i] << 4);
}

}  // namespace slm::blocks
