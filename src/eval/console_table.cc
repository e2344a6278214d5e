#include "eval/console_table.h"

#include <algorithm>
#include <vector>

#include "eval/python_json.h"
#include "eval/python_text.h"
#include "util/format.h"

namespace slm {
namespace {

struct Column {
  std::string header;
  bool numeric = false;
  std::vector<std::string> cells = {};

  size_t width() const {
    size_t widest = std::max<size_t>(3, header.size());
    for (const std::string& cell : cells) widest = std::max(widest, size_t(code_points(cell)));
    return widest;
  }
  std::string padded(const std::string& cell) const {
    std::string space(width() - size_t(code_points(cell)), ' ');
    return numeric ? space + cell : cell + space;
  }
  std::string centred_header() const {
    size_t space = width() - header.size();
    return std::string(space / 2, ' ') + header + std::string(space - space / 2, ' ');
  }
  std::string rule() const { return std::string(width() - numeric, '-') + (numeric ? ":" : ""); }
};

std::string row_of(const std::vector<Column>& columns, const auto& cell) {
  std::string out = "|";
  for (const Column& column : columns) (out += cell(column)) += '|';
  return out + "\n";
}

// Python's str() of a value of the config.
std::string shown(const Json& config, const char* key) {
  auto it = config.find(key);
  if (it == config.end() || it->is_null()) return "None";
  return it->is_string() ? it->get<std::string>() : python_json(*it);
}

}  // namespace

std::string summary_line(const Results& results) {
  const Json& c = results.config;
  std::string sizes;
  if (auto it = c.find("batch_sizes"); it != c.end() && it->is_array())
    for (const Json& size : *it) sizes += (sizes.empty() ? "" : ",") + size.dump();
  auto described = c.find("description_dict");
  bool descriptions = described != c.end() && described->is_object() && !described->empty();
  return format("{} ({}), limit: {}, provide_description: {}, num_fewshot: {}, batch_size: {}{}",
                shown(c, "model"), shown(c, "model_args"), shown(c, "limit"),
                descriptions ? "True" : "False", shown(c, "num_fewshot"), shown(c, "batch_size"),
                sizes.empty() ? "" : " (" + sizes + ")");
}

std::string results_table(const Results& results) {
  std::vector<Column> columns{{"Task"}, {"Version", true}, {"Metric"}, {"Value", true},
                              {""},     {"Stderr", true}};
  size_t rows = 0;
  for (const TaskResult& task : results.tasks) {
    bool first = true;
    for (const std::string& metric : task.metrics()) {
      auto error = task.standard_error(metric);
      const std::string cells[] = {first ? task.name : "",
                                   first ? task.version.dump() : "",
                                   metric,
                                   format("{:.4f}", *task.value(metric)),
                                   error ? "\u00b1" : "",
                                   error ? format("{:.4f}", *error) : ""};
      for (size_t c = 0; c < columns.size(); ++c) columns[c].cells.push_back(cells[c]);
      first = false;
      ++rows;
    }
  }
  std::string out = row_of(columns, [](const Column& c) { return c.centred_header(); }) +
                    row_of(columns, [](const Column& c) { return c.rule(); });
  for (size_t r = 0; r < rows; ++r)
    out += row_of(columns, [r](const Column& c) { return c.padded(c.cells[r]); });
  return out;
}

}  // namespace slm
