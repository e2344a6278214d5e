// Causal attention over packed sequences: y = softmax(scale * q k' + bias) v per head, each query
// seeing the keys of its own segment up to its own position. In training with cx.dropout.attention
// a random part of the probabilities is zeroed, and the rest scaled so that the mean stays.
#pragma once

#include <vector>

#include "backend/arguments.h"
#include "core/context.h"

namespace slm {

struct AttentionSpec {
  float scale = 1;
  int64_t window = 0;    // 0: all earlier keys
  Tensor slopes;         // [H] f32, absent without ALiBi
  bool uniform = false;  // a query's result is bit-equal however many queries its segment has
  uint64_t stream = 0;   // of dropout: tells the layers of a model apart
};

// q: [Tq, H, E]; k, v: [Tk, K, E], in inference also [Tk, K * E] of a block format; y: [Tq, H, E].
// Segments must lie within the tensors and be at most as long in q as in k.
Tensor attend(Context& cx, const Tensor& q, const Tensor& k, const Tensor& v,
              std::vector<AttentionSegment> segments, const AttentionSpec& spec);

// ALiBi slopes of H heads, for a power of two 2^(-max_bias (h + 1) / H); the published
// interpolation otherwise. [H] f32
Tensor alibi_slopes(int64_t heads, float max_bias = 8);

}  // namespace slm
