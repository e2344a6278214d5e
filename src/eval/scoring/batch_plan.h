// Which passages go through the model together.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "eval/scoring/passage.h"

namespace slm {

struct BatchLimits {
  int64_t tokens = 2048;  // rows of the model's batch, common beginnings counted once
  int64_t texts = 0;      // passages; 0: any number
};

struct BatchRange {
  size_t begin, end;
  int64_t tokens;
};

// Cuts passages in ascending order into runs within the limits (one passage may exceed them by
// itself), where possible between passages that have little in common.
std::vector<BatchRange> plan_batches(std::span<const Passage* const> passages,
                                     const BatchLimits& limits);

}  // namespace slm
