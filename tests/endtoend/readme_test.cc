// The README and the page about data must not rot: every `stablelm …` line in their sh blocks is
// run, in order, in a copy of what a clone holds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/test_data.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> commands_in(const fs::path& document) {
  std::ifstream in(document);
  std::vector<std::string> commands;
  bool shell = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) shell = line == "```sh";
    if (shell && line.starts_with("stablelm ")) commands.push_back(line);
  }
  return commands;
}

void run_commands_of(const fs::path& document, size_t at_least) {
  fs::path binary = STABLELM_BINARY;
  setenv("PATH", (binary.parent_path().string() + ":" + std::getenv("PATH")).c_str(), 1);
  testing::TemporaryDirectory clone;
  for (const char* part : {"configs", "docs", "models"})
    if (fs::exists(testing::source_dir() / part))
      fs::create_symlink(testing::source_dir() / part, clone.path() / part);
  for (const char* text : {"README.md", "ARCHITECTURE.md"})
    fs::copy(testing::source_dir() / text, clone.path() / text);

  std::vector<std::string> commands = commands_in(testing::source_dir() / document);
  EXPECT_GE(commands.size(), at_least);
  for (const std::string& command : commands) {
    auto result = testing::run_process({"sh", "-c", command}, clone.path(), "Hello!\n/exit\n", 200);
    EXPECT_EQ(result.exit_code, 0) << command << "\n" << result.out << result.err;
  }
}

TEST(Readme, EveryCommandRuns) { run_commands_of("README.md", 5); }
TEST(DataPage, EveryCommandRuns) { run_commands_of("docs/data.md", 7); }
TEST(GenerationPage, EveryCommandRuns) { run_commands_of("docs/generation.md", 3); }
TEST(WatchingPage, EveryCommandRuns) { run_commands_of("docs/watching.md", 6); }

}  // namespace
}  // namespace slm
