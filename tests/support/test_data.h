// Where tests find the data they need.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

namespace slm::testing {

// The root of the source tree.
std::filesystem::path source_dir();

// A file or folder under tests/fixtures, which is part of the project and always there.
std::filesystem::path fixture(const std::filesystem::path& name);

// Data written by others stays outside the project: $STABLELM_TEST_DATA, by default ../shared
// beside the source tree.
std::filesystem::path external_data(const std::filesystem::path& name);

}  // namespace slm::testing

// Skips the current test, with the reason, when a path below STABLELM_TEST_DATA is absent.
#define SLM_REQUIRE_EXTERNAL(name)                                   \
  if (!std::filesystem::exists(::slm::testing::external_data(name))) \
  GTEST_SKIP() << "needs " << ::slm::testing::external_data(name) << "; set STABLELM_TEST_DATA"
