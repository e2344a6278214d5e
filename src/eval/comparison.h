// Many result files as one table of percentages, as StableLM's README has them.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/results.h"

namespace slm {

struct ComparisonColumn {
  std::string title, task, metric;
  // What a reader must know of the metric: acc_norm, mc2; empty: acc.
  std::string note() const { return metric == "acc" ? "" : metric; }
};

// "readme-1", "readme-2", "leaderboard", or task:metric,... (without a metric: the one that the
// README's second table takes of it, else acc).
std::vector<ComparisonColumn> comparison_columns(std::string_view name);

struct ComparisonCell {
  double percent = 0;
  std::optional<double> standard_error;  // in percent
};

struct ComparisonRow {
  std::string model;
  std::vector<std::optional<ComparisonCell>> cells;  // one per column
  // Of the exact values, over all columns; none when one is missing.
  std::optional<double> average;
};

struct Comparison {
  std::vector<ComparisonColumn> columns;
  std::vector<ComparisonRow> rows;  // in the order given, or by falling average
};

// The name of the model in a result file: its "pretrained" argument, else its "model", else the
// name of the file.
std::string model_name(const Results& results, const std::filesystem::path& file);

// The files of one model may be several, as the leaderboard's are: rows of one name are one row.
struct NamedResults {
  std::string model;
  Results results;
};
Comparison compare(std::vector<ComparisonColumn> columns, std::span<const NamedResults> files,
                   bool sort_by_average);

std::string comparison_markdown(const Comparison& comparison);
std::string comparison_csv(const Comparison& comparison);
std::string comparison_html(const Comparison& comparison);  // one page that needs nothing else

}  // namespace slm
