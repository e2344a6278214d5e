// layer: y = (x - mean) / sqrt(var + eps) * w + b        rms: y = x / sqrt(mean(x^2) + eps) * w
// Statistics over the last axis, in at least f32.
#pragma once

#include "core/context.h"
#include "core/layer_spec.h"

namespace slm {

// x: [.., N]; w and b (may be absent): [N], or [G, N] when x is [.., G, N] and each of the G heads
// has its own.
Tensor norm(Context& cx, const Tensor& x, const Tensor& w, const Tensor& b, const NormSpec& spec);

}  // namespace slm
