// Which values dropout keeps: one definition for all backends.
#pragma once

#include <span>

#include "backend/arguments.h"

namespace slm {

// What row `row` of x is multiplied with: 0 or 1 / (1 - rate) for each of its values.
void dropout_factors(const DropoutArgs& a, int64_t row, std::span<float> factors);

// What the probabilities of keys first_key on are multiplied with, for one query row and head: 0 or
// 1 / (1 - rate).
void attention_dropout_factors(const AttentionDropout& d, int64_t row, int64_t head,
                               int64_t first_key, std::span<double> factors);

// A word drops when it is at most this.
uint32_t last_dropped(double rate);

}  // namespace slm
