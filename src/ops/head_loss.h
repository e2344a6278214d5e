// The output matrix and the cross entropy in one op, a chunk of rows at a time, so that the full
// [T, V] logits never exist.
#pragma once

#include "core/context.h"

namespace slm {

struct HeadLossSpec {
  float divisor = 1;  // the sum of token losses is divided by this, e.g. the number of targets in
                      // the global batch
  float logit_scale = 1;  // logits = logit_scale * x w'
  float z_loss =
      0;  // adds z_loss * logsumexp^2 to each token's loss (Chowdhery et al., PaLM, 2022)
  int64_t chunk = 512;  // rows of logits that exist at a time
};

// loss = sum over rows with target >= 0 of cross_entropy(logit_scale * x w' + b, target) / divisor
// [1] f32 x: [T, D], w: [V, D], b: [V] or absent, targets: [T] i32 (negative: ignored). While
// recording, the gradients are computed in the forward pass, chunk by chunk, times the tape's
// scale, and w's and b's are added to their buffers at once; the loss must therefore be the tensor
// that backward starts from.
Tensor head_loss(Context& cx, const Tensor& x, const Tensor& w, const Tensor& b,
                 const Tensor& targets, const HeadLossSpec& spec);

}  // namespace slm
