// Rotary position embedding on the leading values of each head (see core/layer_spec.h).
#pragma once

#include "core/context.h"
#include "core/layer_spec.h"

namespace slm {

// Cosines and sines for every position of a batch, computed once and shared by all layers.
// positions: [T] i32 -> [T, dims] f32
Tensor rope_table(Context& cx, const Tensor& positions, const Rope& rope);

// The rotation of a text that begins with `tokens` tokens: `rope` with theta raised if ntk_length
// asks for it. What follows the first tokens, one by one, keeps their theta.
Rope rope_for(const Rope& rope, int64_t tokens);

// x: [T, G, E] -> the same shape, rotated
Tensor rope(Context& cx, const Tensor& x, const Tensor& table, Rope::Pairing pairing);

}  // namespace slm
