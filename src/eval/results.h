// Result files in the layout of the harness: read, compared, written byte for byte as it writes
// them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/json.h"

namespace slm {

struct TaskResult {
  std::string name;
  Json version = 0;  // an integer; newer harnesses write a float
  // As they stand in the file: "acc", "acc_stderr", "acc_norm", ... May be NaN or infinite.
  std::vector<std::pair<std::string, double>> values = {};

  std::optional<double> value(std::string_view metric) const;
  std::optional<double> standard_error(std::string_view metric) const;
  std::vector<std::string> metrics() const;  // names without those of standard errors
  void add(std::string metric, double value, std::optional<double> standard_error);
};

struct Results {
  std::vector<TaskResult> tasks;
  Json config = Json::object();                 // keys in the order in which they are written
  std::vector<std::string> version_order = {};  // tasks whose versions are written first

  const TaskResult* find(std::string_view task) const;
};

// The object {"results", "versions", "config"}. Errors begin with `origin` and name the key.
Results parse_results(std::string_view text, const std::string& origin);
Results read_results(const std::filesystem::path& path);

// As the harness writes it, without a newline at the end.
std::string write_results(const Results& results, int indent = 2);

}  // namespace slm
