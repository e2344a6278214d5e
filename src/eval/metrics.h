// From the items of documents to a figure and its standard error, as the harness computes them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "eval/task.h"

namespace slm {

struct Estimate {
  double value = 0;
  std::optional<double> standard_error;  // none where there is no formula, or one item only
};

// `items`: one per document, in shuffled order, which the bootstrap depends on.
Estimate aggregate(Aggregation aggregation, std::span<const MetricItem> items,
                   int64_t bootstrap_iters);

// Sums go from the first value to the last; of at least two values for the deviation.
double mean(std::span<const double> values);
double sample_deviation(std::span<const double> values);

}  // namespace slm
