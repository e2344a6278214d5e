// Floating-point operations of training, by the conventions in use.
#pragma once

#include <cstdint>

#include "model/spec.h"

namespace slm {

struct TokenFlops {
  double whole = 0;   // 6 (N - N_e) + 12 L h S: what a share of the peak is computed from
  double causal = 0;  // 6 (N - N_e) + 6 L h S: without the half of the scores that the mask hides
};

// Of one token, forward and backward, at sequences of S tokens. N: parameters, N_e: those of an
// embedding that is not also the output matrix, L: layers, h: heads x head size.
TokenFlops flops_per_token(const DecoderSpec& spec, int64_t seq_length);

}  // namespace slm
