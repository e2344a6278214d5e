// Whole tensors on the device, for calls that need them on the way.
#pragma once

#include "backend/cuda/context.h"
#include "core/tape.h"

namespace slm::cuda {

// Float types, rounded once.
void convert(CudaContext& cx, const Tensor& from, const Tensor& to);
// The tensor itself if it has that type, else a converted copy; absent stays absent.
Tensor as_type(CudaContext& cx, const Tensor& t, DType dtype);
// into = beta * into + alpha * x
void accumulate(CudaContext& cx, float alpha, const Tensor& x, const GradSlot& into);
// c [R, N] = beta * c + bias [N]; absent bias: nothing is added
void scale_and_add_bias(CudaContext& cx, const Tensor& bias, const GradSlot& c);

}  // namespace slm::cuda
