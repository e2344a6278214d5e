// What a token file holds, in numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/token_file.h"

namespace slm {

struct TokenSummary {
  int64_t documents = 0, tokens = 0, empty = 0, shortest = 0, longest = 0, median = 0;
  // Documents by length: [i] counts those of 2^(i-1) to 2^i - 1 tokens, [0] the empty ones.
  std::vector<int64_t> lengths;
};
TokenSummary summarize(const TokenFile& file);

// One line per length with documents, with bars that compare them.
std::string draw_lengths(const TokenSummary& summary);

}  // namespace slm
