// Half precision as CUDA names it, on the host.
#pragma once

#include "core/dtype.h"
#include "cuda_runtime.h"

struct __half {
  uint16_t bits;
};
struct alignas(4) __half2 {
  __half x, y;
};
using half = __half;
inline float __half2float(__half x) { return slm::f16_to_f32(x.bits); }
inline __half __float2half_rn(float x) { return {slm::f32_to_f16(x)}; }
inline __half2 __floats2half2_rn(float x, float y) {
  return {__float2half_rn(x), __float2half_rn(y)};
}
inline float2 __half22float2(__half2 x) { return {__half2float(x.x), __half2float(x.y)}; }
