// The flags that say what is evaluated: tasks, their data, examples, limits.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eval/evaluation.h"

namespace slm {

struct TaskFlags {
  std::string tasks, descriptions;
  std::vector<std::string> data;
  std::optional<int> shots;
  std::optional<double> limit;
  uint64_t seed = 42;
  int64_t bootstrap_iters = 100000;

  void add_to(CLI::App& command);

  // Reads the data of all tasks. Tells on standard error, unless another process of the job does,
  // of those that have fewer documents than the published split.
  Evaluation prepare(bool talks = true) const;
};

}  // namespace slm
