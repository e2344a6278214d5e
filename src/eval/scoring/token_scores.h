// How likely single tokens are in the places where a model was asked.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/decoder.h"

namespace slm {

struct TokenQuery {
  int64_t row;     // of the hidden states
  int32_t target;  // what follows there

  auto operator<=>(const TokenQuery&) const = default;
};

struct TokenScore {
  float log_probability;  // natural, over all rows of the output matrix
  bool likeliest;         // no other logit is larger, and no earlier one as large
};

// One score per query; queries ascending, each once. hidden: [T, D] of Decoder::hidden. Logits
// exist for a bounded number of rows at a time, and only for rows that a query names. A score does
// not depend on the other queries, bit for bit.
std::vector<TokenScore> score_tokens(Context& cx, const Decoder& decoder, const Tensor& hidden,
                                     std::span<const TokenQuery> queries);

}  // namespace slm
