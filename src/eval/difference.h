// Whether two models differ by more than chance.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/results.h"

namespace slm {

struct Difference {
  std::string task, metric;
  double a = 0, b = 0;
  std::string test;                 // "McNemar", "paired bootstrap", "z", or why there is none
  std::optional<double> p;          // of so large a difference where there is none
  int64_t documents = 0;            // compared in pairs; 0: not paired
  std::optional<double> low, high;  // 95% interval of b - a
};

// Exact two-sided test of McNemar: `only_a` documents were right with A alone, `only_b` with B.
double mcnemar(int64_t only_a, int64_t only_b);

// Two-sided, of mean(b - a) against nothing, by resampling documents; and its 95% interval.
struct Resampled {
  double p, low, high;
};
Resampled paired_bootstrap(std::span<const double> differences);

double two_sided_normal(double z);

// Every metric that both result files have, in the order of A. With the per-document samples of
// both (see sample_reader.h), and the same documents in them, a paired test; else a z test of the
// standard errors. Samples that do not fit each other are refused.
std::vector<Difference> differences(const std::filesystem::path& a, const std::filesystem::path& b);

// A Markdown table with a verdict per row: "within noise" when p >= level.
std::string difference_table(std::span<const Difference> rows, double level);

}  // namespace slm
