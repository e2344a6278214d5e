// Floating-point operations of training, by the conventions in use. N: parameters, N_e: those of an
// embedding that is not also the output matrix, L: layers, h: heads x head size, S: tokens of a
// sequence.
#pragma once

#include <cstdint>

#include "model/spec.h"

namespace slm {

// Of one token, forward and backward: 6 (N - N_e) + 12 L h S. What a share of the peak is computed
// from.
double flops_per_token(const DecoderSpec& spec, int64_t seq_length);

// Without the half of the scores that the mask hides: 6 (N - N_e) + 6 L h S.
double causal_flops_per_token(const DecoderSpec& spec, int64_t seq_length);

}  // namespace slm
