// The number types of kernels: everything is computed in f32, whatever it is stored as.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "core/tensor.h"
#include "util/error.h"

namespace slm::cuda {

using bf16 = __nv_bfloat16;
using f16 = __half;

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(bf16 x) { return __bfloat162float(x); }
__device__ inline float to_float(f16 x) { return __half2float(x); }

// Rounded to nearest even.
template <class T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline bf16 from_float<bf16>(float x) {
  return __float2bfloat16_rn(x);
}
template <>
__device__ inline f16 from_float<f16>(float x) {
  return __float2half_rn(x);
}

template <class T>
struct Type {
  using type = T;
};

[[noreturn]] inline void refuse(const Tensor& t) {
  fail(
      ErrorKind::kUnsupported,
      "[cuda] no arithmetic on {} {}: expected f32, bf16 or f16 (f64 is for the reference backend, "
      "block formats for the weights of linears and for embedding tables)",
      traits(t.dtype()).name, t.shape().to_string());
}

// f(Type<T>{}) for the type of a tensor: dispatch(x, [&](auto type) { using T = typename
// decltype(type)::type; .. })
template <class F>
void dispatch(const Tensor& t, F f) {
  switch (t.dtype()) {
    case DType::kF32:
      return f(Type<float>{});
    case DType::kBF16:
      return f(Type<bf16>{});
    case DType::kF16:
      return f(Type<f16>{});
    default:
      refuse(t);
  }
}

}  // namespace slm::cuda
