#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace slm {
namespace {

TEST(Metrics, MeanAndItsError) {
  const std::vector<MetricItem> items{{1}, {0}, {0}, {1}, {1}};
  Estimate e = aggregate(Aggregation::kMean, items, 0);
  EXPECT_DOUBLE_EQ(e.value, 0.6);
  EXPECT_DOUBLE_EQ(*e.standard_error, std::sqrt(0.6 * 0.4 / 4));
  EXPECT_FALSE(aggregate(Aggregation::kMean, std::vector<MetricItem>{{1}}, 0).standard_error);
}

// Sums of words and bytes are weights: two documents of 4 and 6 words, 20 nats in all.
TEST(Metrics, PerplexityPerUnit) {
  const std::vector<MetricItem> items{{-5, 4}, {-15, 6}};
  EXPECT_DOUBLE_EQ(aggregate(Aggregation::kWeightedPerplexity, items, 10).value, std::exp(2.0));
  EXPECT_DOUBLE_EQ(aggregate(Aggregation::kBitsPerWeight, items, 10).value, 2 / std::log(2.0));
  EXPECT_FALSE(aggregate(Aggregation::kWeightedPerplexity, items, 10).standard_error);
}

// For log-likelihoods -1 and -3, a draw of two has mean -1, -2, -2 or -3: its perplexity has a
// deviation of sqrt(E x^2 - (E x)^2) over those four.
TEST(Metrics, BootstrapOfPerplexity) {
  const std::vector<MetricItem> items{{-1}, {-3}};
  const double x[] = {std::exp(1.0), std::exp(2.0), std::exp(2.0), std::exp(3.0)};
  double first = 0, second = 0;
  for (double v : x) first += v / 4, second += v * v / 4;
  const double exact = std::sqrt(second - first * first);
  constexpr int kDraws = 20000;
  Estimate e = aggregate(Aggregation::kPerplexity, items, kDraws);
  EXPECT_DOUBLE_EQ(e.value, std::exp(2.0));
  // A deviation estimated from n draws is off by about 1 / sqrt(2 n) of itself; five times that.
  EXPECT_NEAR(*e.standard_error, exact, 5 * exact / std::sqrt(2.0 * kDraws));
  EXPECT_FALSE(aggregate(Aggregation::kPerplexity, items, 0).standard_error);
}

}  // namespace
}  // namespace slm
