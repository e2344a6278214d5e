// exp and the normal distribution on a register of floats.
#pragma once

#include "backend/cpu/vec.h"

namespace slm::cpu::SLM_ISA {

constexpr float kExpLow = -87.3f, kExpHigh = 88.72283f;

// e^x within 2 ulp for x from kExpLow to kExpHigh.
inline Vec exp_within(Vec x) {
  constexpr float kRound = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
  Vec shifted = x * 1.44269504f + kRound;
  Vec n = shifted - kRound;
  Vec r = x - n * 0x1.62e4p-1f;  // ln 2 in two parts, the first exact in few bits
  r = r - n * 1.42860677e-6f;
  Vec q = r * 1.39338237e-3f + 8.36329530e-3f;  // (e^r - 1 - r) / r^2, minimax on |r| <= ln2 / 2
  q = q * r + 4.16664634e-2f;
  q = q * r + 1.66665763e-1f;
  q = q * r + 0.5f;
  Vec p = q * (r * r) + r + 1.0f;
  return Vec(IVec(p) + (IVec(shifted) << 23));
}

// e^x within 2 ulp; 0 below kExpLow (no subnormal results), infinity above kExpHigh.
inline Vec exp(Vec x) {
  Vec c = x < kExpLow ? splat(kExpLow) : x;
  c = c > kExpHigh ? splat(kExpHigh) : c;
  Vec y = x < kExpLow ? Vec{} : exp_within(c);
  return x > kExpHigh ? splat(__builtin_inff()) : y;
}

// exp of what is not above 0, as softmax needs it.
inline Vec exp_of_negative(Vec x) {
  Vec c = x < kExpLow ? splat(kExpLow) : x;
  return x < kExpLow ? Vec{} : exp_within(c);
}

// sigmoid(x) and 1 - sigmoid(x), neither by subtraction from 1.
struct Sigmoid {
  Vec value, rest;
};
inline Sigmoid sigmoid(Vec x) {
  Vec e = exp(x < 0.0f ? x : -x), large = 1.0f / (1.0f + e), small = e * large;
  return {x < 0.0f ? small : large, x < 0.0f ? large : small};
}

// The standard normal distribution function and e^(-x^2/2). With z = |x| / sqrt 2 and t = 1 / (1 +
// 0.4 z): erfc(z) e^(z^2) is a polynomial in t within 3e-8 relative on z in [0, 10].
struct Normal {
  Vec cdf, bell;
};
inline Normal normal(Vec x) {
  Vec z = (x < 0.0f ? -x : x) * 0.707106781f;
  Vec t = 1.0f / (1.0f + 0.4f * z);
  Vec p = t * 0.029024349906535487f - 0.07647386022601296f;
  p = p * t - 0.05978340886011443f;
  p = p * t + 0.27080454397108333f;
  p = p * t - 0.06461903091319675f;
  p = p * t + 0.26663075519629525f;
  p = p * t + 0.17806968354314018f;
  p = p * t + 0.23122400682441532f;
  p = p * t + 0.2250972890026204f;
  p = p * t + 2.570230879306301e-05f;
  Vec bell = exp(-0.5f * x * x);
  Vec tail = 0.5f * p * bell;
  return {x < 0.0f ? tail : 1.0f - tail, bell};
}

}  // namespace slm::cpu::SLM_ISA
