// For tests: the tiny checkpoints with values computed by the original implementations.
#pragma once

#include <algorithm>
#include <filesystem>
#include <vector>

#include "support/test_data.h"

namespace slm::testing {

inline std::vector<std::filesystem::path> checkpoints_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (std::filesystem::exists(entry.path() / "config.json")) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

// Those that are part of the project: at least one for every axis of DecoderSpec.
inline std::vector<std::filesystem::path> project_checkpoints() {
  return checkpoints_in(fixture("."));
}

// All others, below STABLELM_TEST_DATA/fixtures, which must be there.
inline std::vector<std::filesystem::path> external_checkpoints() {
  auto found = checkpoints_in(external_data("fixtures"));
  std::erase_if(found,
                [](const auto& path) { return std::filesystem::exists(fixture(path.filename())); });
  return found;
}

}  // namespace slm::testing
