// Numbers whose type is only known when the kernel runs, for places that touch few of them.
#pragma once

#include "backend/cuda/numbers.cuh"

namespace slm::cuda {

__device__ inline float number_at(DType type, const void* data, int64_t i) {
  switch (type) {
    case DType::kBF16:
      return to_float(static_cast<const bf16*>(data)[i]);
    case DType::kF16:
      return to_float(static_cast<const f16*>(data)[i]);
    default:
      return static_cast<const float*>(data)[i];
  }
}

__device__ inline void set_number(DType type, void* data, int64_t i, float x) {
  switch (type) {
    case DType::kBF16:
      static_cast<bf16*>(data)[i] = from_float<bf16>(x);
      break;
    case DType::kF16:
      static_cast<f16*>(data)[i] = from_float<f16>(x);
      break;
    default:
      static_cast<float*>(data)[i] = x;
  }
}

}  // namespace slm::cuda
