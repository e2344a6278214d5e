#include "support/test_data.h"

#include <cstdlib>

namespace slm::testing {

std::filesystem::path source_dir() { return SLM_SOURCE_DIR; }

std::filesystem::path fixture(const std::filesystem::path& name) {
  return source_dir() / "tests" / "fixtures" / name;
}

std::filesystem::path external_data(const std::filesystem::path& name) {
  const char* root = std::getenv("STABLELM_TEST_DATA");
  return (root && *root ? std::filesystem::path(root) : source_dir().parent_path() / "shared") /
         name;
}

}  // namespace slm::testing
