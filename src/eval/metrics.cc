#include "eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "eval/python_random.h"
#include "util/error.h"
#include "util/progress.h"
#include "util/thread_pool.h"

namespace slm {
namespace {

// exp(-mean) of as many items as there are, each drawn from all.
double resampled_perplexity(std::span<const double> values, PythonRandom& random) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i)
    sum += values[size_t(random.random() * double(values.size()))];
  return std::exp(-(sum / double(values.size())));
}

// Chunks of draws have generators of their own, so threads take them in any order.
std::optional<double> bootstrap_error(std::span<const double> values, int64_t iterations) {
  const int64_t chunk = std::min<int64_t>(1000, iterations);
  if (chunk < 1) return {};
  const int64_t chunks = iterations / chunk;
  std::vector<double> draws(size_t(chunk * chunks));
  if (draws.size() < 2) return {};
  ThreadPool pool;
  Progress progress({.label = "bootstrap", .unit = "draws", .total = chunks * chunk});
  for (int64_t done = 0; done < chunks; done += pool.size()) {
    const int64_t count = std::min<int64_t>(pool.size(), chunks - done);
    pool.run(count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t c = done + begin; c < done + end; ++c) {
        PythonRandom random{uint64_t(c)};
        for (int64_t i = 0; i < chunk; ++i)
          draws[size_t(c * chunk + i)] = resampled_perplexity(values, random);
      }
    });
    progress.update((done + count) * chunk);
  }
  return sample_deviation(draws);
}

}  // namespace

double mean(std::span<const double> values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / double(values.size());
}

double sample_deviation(std::span<const double> values) {
  const double center = mean(values);
  double squares = 0;
  for (double v : values) squares += (v - center) * (v - center);
  return std::sqrt(squares / double(values.size() - 1));
}

Estimate aggregate(Aggregation aggregation, std::span<const MetricItem> items,
                   int64_t bootstrap_iters) {
  check(!items.empty(), "there are no documents to average over");
  std::vector<double> values;
  double sum = 0, weight = 0;
  for (const MetricItem& item : items) {
    values.push_back(item.value);
    sum += item.value;
    weight += item.weight;
  }
  switch (aggregation) {
    case Aggregation::kMean:
      if (values.size() < 2) return {mean(values), {}};
      return {mean(values), sample_deviation(values) / std::sqrt(double(values.size()))};
    case Aggregation::kPerplexity:
      return {std::exp(-mean(values)), bootstrap_error(values, bootstrap_iters)};
    case Aggregation::kWeightedPerplexity:
      return {std::exp(-sum / weight), {}};
    case Aggregation::kBitsPerWeight:
      return {-sum / weight / std::numbers::ln2, {}};
  }
  fail(ErrorKind::kInvalid, "unknown aggregation");
}

}  // namespace slm
