// The two-level scales of Q4_K and Q5_K: eight groups of 32 weights, each with a six-bit scale and
// a six-bit minimum, which count steps of the block's two f16 scales: x = (d * scale[g]) * q - dmin
// * min[g].
#pragma once

#include <cstdint>

namespace slm::blocks {

struct KScales {
  uint16_t d = 0, dmin = 0;  // f16
  uint8_t scale[8] = {}, min[8] = {};
};

// Searches both levels for integers q from 0 to `most`, and writes those too.
KScales fit_k_scales(const float* x, const float* weight, int most, int8_t* q);

// Groups 0..3: scale and min in the low six bits of bytes g and g + 4. Groups 4..7: their low four
// bits in the two halves of byte g + 4, their upper two bits above the six of bytes g - 4 and g.
void pack(const KScales& scales, uint8_t* bytes);
void unpack(const uint8_t* bytes, KScales& scales);

}  // namespace slm::blocks
