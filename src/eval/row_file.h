// The rows of one file as JSON objects, whatever it is: JSON lines, a JSON array, Parquet,
// comma-separated values, plain text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "eval/task.h"

namespace slm {

struct Row {
  Json json;  // an object
  int64_t line;
};

// Labels that the release keeps in a file beside, NAME-labels.lst, become the key "label". Errors
// name file and line.
std::vector<Row> read_rows(const std::filesystem::path& path, const DataSpec& spec);

}  // namespace slm
