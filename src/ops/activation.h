// The non-linear middle of an MLP (formulas in core/layer_spec.h).
#pragma once

#include "core/context.h"
#include "core/layer_spec.h"

namespace slm {

// y = act(x)                [T, F]
Tensor activation(Context& cx, const Tensor& x, Activation kind);

// y = act(gate) * up        [T, F]; with silu: SwiGLU (Shazeer, 2020)
Tensor gated(Context& cx, const Tensor& gate, const Tensor& up, Activation kind);

}  // namespace slm
