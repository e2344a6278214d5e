// For tests: a decoder that is quick to compute.
#pragma once

#include "model/spec.h"

namespace slm::testing {

// Two layers, two heads that share keys and values, a gated MLP.
inline DecoderSpec tiny_spec(int64_t vocab, int64_t width = 16) {
  return {.vocab = vocab,
          .width = width,
          .layers = 2,
          .heads = 2,
          .kv_heads = 1,
          .head_size = width / 2,
          .mlp_width = width * 3 / 2,
          .max_positions = 64,
          .rope = {.dims = 4}};
}

}  // namespace slm::testing
