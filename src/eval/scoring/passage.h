// What is scored, as token ids: how likely the last tokens of a text are after those before them.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace slm {

struct Passage {
  std::vector<int32_t> input;    // what the model reads; not empty
  std::vector<int32_t> targets;  // what follows the last targets.size() tokens of it; not empty

  auto operator<=>(const Passage&) const = default;  // by input, then by targets

  int64_t length() const { return int64_t(input.size()); }
  int64_t first_scored() const { return length() - int64_t(targets.size()); }
};

struct PassageScore {
  double log_likelihood = 0;  // sum over the targets, natural logarithm
  bool greedy = true;         // every target is the likeliest token of its place

  bool operator==(const PassageScore&) const = default;
};

}  // namespace slm
