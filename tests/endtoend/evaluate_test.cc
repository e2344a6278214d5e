// `stablelm evaluate` as a user runs it: what docs/evaluation.md says, and what goes wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "support/process.h"
#include "support/test_data.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::ProcessResult;
using testing::run_process;

class Evaluate : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* part : {"docs", "models"})
      fs::create_symlink(testing::source_dir() / part, dir_.path() / part);
  }
  ProcessResult evaluate(std::vector<std::string> words) {
    words.insert(words.begin(), {STABLELM_BINARY, "evaluate"});
    return run_process(words, dir_.path());
  }
  testing::TemporaryDirectory dir_;
};

TEST_F(Evaluate, EveryCommandOfTheDocumentRuns) {
  fs::path binary = STABLELM_BINARY;
  setenv("PATH", (binary.parent_path().string() + ":" + std::getenv("PATH")).c_str(), 1);
  std::ifstream in(testing::source_dir() / "docs/evaluation.md");
  bool shell = false;
  int run = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) shell = line == "```sh";
    if (!shell || !line.starts_with("stablelm ")) continue;
    auto result = run_process({"sh", "-c", line}, dir_.path());
    EXPECT_EQ(result.exit_code, 0) << line << "\n" << result.out << result.err;
    ++run;
  }
  EXPECT_GE(run, 5);
}

TEST_F(Evaluate, ParquetOfTheHubAsksTheSame) {
  fs::path hub = testing::source_dir() / "tests/fixtures/parquet/hub";
  auto asked = [&](const std::string& data) {
    auto result =
        evaluate({"--tasks", "arc_easy", "--data", data, "--dump-requests", "asked.jsonl"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return read_file(dir_.path() / "asked.jsonl");
  };
  std::string parts = asked(hub.string());
  EXPECT_EQ(std::count(parts.begin(), parts.end(), '\n'), 4 + 3 + 4 + 5 + 2);
  EXPECT_EQ(parts, asked("arc_easy:test=" + (hub / "rows.jsonl").string()));
}

TEST_F(Evaluate, RequestsOfOnesOwnTask) {
  auto result = evaluate({"--tasks", "docs/quiz.yml", "--dump-requests", "asked.jsonl"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::ifstream in(dir_.path() / "asked.jsonl");
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    Json json = parse_json(line, "asked.jsonl");
    EXPECT_EQ(json["task"], "quiz");
    EXPECT_TRUE(json["continuation"].get<std::string>().starts_with(" "));
  }
  EXPECT_EQ(lines, 17);
}

TEST_F(Evaluate, WhatIsWrongIsSaidAndTheRestIsDone) {
  auto unknown = evaluate({"--tasks", "helaswag", "--dump-requests", "x.jsonl"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("did you mean hellaswag?"), std::string::npos) << unknown.err;

  write_file_atomically(dir_.path() / "rows/piqa.jsonl", "{\"goal\": \"g\"}\n");
  auto partly = evaluate(
      {"--tasks", "piqa,docs/quiz.yml", "--data", "rows", "--dump-requests", "asked.jsonl"});
  EXPECT_EQ(partly.exit_code, 1);
  EXPECT_NE(partly.err.find("piqa.jsonl:1: key "), std::string::npos) << partly.err;
  EXPECT_NE(partly.out.find("quiz: 17 requests"), std::string::npos) << partly.out;
}

}  // namespace
}  // namespace slm
