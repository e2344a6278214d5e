#include "eval/comparison.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "eval/task_list.h"
#include "util/error.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

using Columns = std::vector<ComparisonColumn>;

// The same model has other ARC figures in the two published tables.
const std::map<std::string, Columns, std::less<>>& published_tables() {
  static const std::map<std::string, Columns, std::less<>> kTables{
      {"readme-1",
       {{"ARC Challenge", "arc_challenge", "acc"},
        {"ARC Easy", "arc_easy", "acc"},
        {"BoolQ", "boolq", "acc"},
        {"HellaSwag", "hellaswag", "acc_norm"},
        {"LAMBADA", "lambada_openai", "acc"},
        {"OpenBookQA", "openbookqa", "acc"},
        {"PIQA", "piqa", "acc"},
        {"SciQ", "sciq", "acc"},
        {"Winogrande", "winogrande", "acc"}}},
      {"readme-2",
       {{"ARC Challenge", "arc_challenge", "acc_norm"},
        {"ARC Easy", "arc_easy", "acc_norm"},
        {"BoolQ", "boolq", "acc"},
        {"HellaSwag", "hellaswag", "acc_norm"},
        {"LAMBADA", "lambada_openai", "acc"},
        {"OpenBookQA", "openbookqa", "acc"},
        {"PIQA", "piqa", "acc"},
        {"SIQA", "siqa", "acc"},
        {"TruthfulQA", "truthfulqa_mc", "mc2"},
        {"Winogrande", "winogrande", "acc"}}},
      {"leaderboard",
       {{"ARC", "arc_challenge", "acc_norm"},
        {"HellaSwag", "hellaswag", "acc_norm"},
        {"MMLU", "hendrycksTest-*", "acc"},
        {"TruthfulQA", "truthfulqa_mc", "mc2"}}},
  };
  return kTables;
}

ComparisonColumn column_of(std::string_view word) {
  size_t colon = word.find(':');
  std::string task(word.substr(0, colon)), metric;
  if (colon != word.npos) metric = word.substr(colon + 1);
  for (const ComparisonColumn& published : published_tables().find("readme-2")->second)
    if (metric.empty() && published.task == task) metric = published.metric;
  if (metric.empty()) metric = "acc";
  return {task == "mmlu" ? "MMLU" : task, task == "mmlu" ? "hendrycksTest-*" : task, metric};
}

// The value of one task, or the plain mean over all tasks that a glob matches (MMLU's subjects).
std::optional<ComparisonCell> cell(const Results& results, const ComparisonColumn& column) {
  double sum = 0, squares = 0;
  int64_t count = 0;
  bool errors = true;
  for (const TaskResult& task : results.tasks) {
    if (fnmatch(column.task.c_str(), task.name.c_str(), 0) != 0) continue;
    auto value = task.value(column.metric);
    if (!value) continue;
    auto error = task.standard_error(column.metric);
    sum += *value;
    squares += error.value_or(0) * error.value_or(0);
    errors = errors && error.has_value();
    ++count;
  }
  if (count == 0) return {};
  ComparisonCell out{.percent = 100 * (sum / double(count))};
  if (errors) out.standard_error = 100 * std::sqrt(squares) / double(count);
  return out;
}

void merge(ComparisonRow& into, const std::vector<std::optional<ComparisonCell>>& cells,
           const Columns& columns) {
  for (size_t c = 0; c < cells.size(); ++c) {
    check(!into.cells[c] || !cells[c],
          "two result files have {} of {}: give their rows names, "
          "as in NAME=FILE",
          columns[c].task, into.model);
    if (cells[c]) into.cells[c] = cells[c];
  }
}

void add_average(ComparisonRow& row) {
  double sum = 0;
  for (const auto& c : row.cells) {
    if (!c) return;
    sum += c->percent / 100;
  }
  row.average = 100 * (sum / double(row.cells.size()));
}

}  // namespace

std::vector<ComparisonColumn> comparison_columns(std::string_view name) {
  const auto& tables = published_tables();
  if (auto it = tables.find(name); it != tables.end()) return it->second;
  std::vector<std::string_view> words{"mmlu"};
  for (const auto& [table, columns] : tables) words.push_back(table);
  for (const Task& task : known_tasks()) words.push_back(task.name);
  Columns out;
  for (std::string_view rest = name; !rest.empty();) {
    size_t comma = std::min(rest.find(','), rest.size());
    std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (word.empty()) continue;
    std::string near = nearest_name(word, words);
    bool misspelt = word.find(':') == word.npos && !near.empty() && near != word;
    check(!misspelt, "--columns: unknown \"{}\"; did you mean {}?", word, near);
    out.push_back(column_of(word));
  }
  check(!out.empty(),
        "--columns: name a table (readme-1, readme-2, leaderboard) or task:metric,...");
  return out;
}

std::string model_name(const Results& results, const std::filesystem::path& file) {
  auto text = [&](const char* key) {
    auto it = results.config.find(key);
    return it != results.config.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  std::string args = text("model_args");
  constexpr std::string_view kKey = "pretrained=";
  if (size_t at = args.find(kKey); at != args.npos)
    return args.substr(at + kKey.size(), args.find(',', at) - at - kKey.size());
  std::string model = text("model");
  return model.empty() ? file.stem().string() : model;
}

Comparison compare(std::vector<ComparisonColumn> columns, std::span<const NamedResults> files,
                   bool sort_by_average) {
  Comparison out{.columns = std::move(columns)};
  for (const NamedResults& file : files) {
    auto row = std::find_if(out.rows.begin(), out.rows.end(),
                            [&](const ComparisonRow& r) { return r.model == file.model; });
    if (row == out.rows.end()) {
      out.rows.push_back({.model = file.model, .cells = {}});
      row = out.rows.end() - 1;
      row->cells.resize(out.columns.size());
    }
    std::vector<std::optional<ComparisonCell>> cells;
    for (const ComparisonColumn& column : out.columns) cells.push_back(cell(file.results, column));
    merge(*row, cells, out.columns);
  }
  for (ComparisonRow& row : out.rows) add_average(row);
  if (sort_by_average)
    std::stable_sort(out.rows.begin(), out.rows.end(),
                     [](const ComparisonRow& a, const ComparisonRow& b) {
                       return a.average.value_or(-1) > b.average.value_or(-1);
                     });
  return out;
}

}  // namespace slm
