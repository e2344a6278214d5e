// Making a model of some shape, measuring it, and the ways to generate faster.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/test_data.h"
#include "util/format.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

testing::ProcessResult stablelm(std::vector<std::string> words, const fs::path& directory) {
  words.insert(words.begin(), STABLELM_BINARY);
  return testing::run_process(words, directory);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(Inference, AModelIsMadeAndMeasured) {
  testing::TemporaryDirectory dir;
  std::string parrot = (testing::source_dir() / "models/parrot").string();
  for (const char* type : {"bf16", "q8_0"}) {
    auto made = stablelm({"init", parrot, format("{}.gguf", type), "--dtype", type, "--tokenizer",
                          parrot, "--seed", "4"},
                         dir.path());
    ASSERT_EQ(made.exit_code, 0) << made.err;
    EXPECT_NE(made.out.find("parameters"), std::string::npos) << made.out;
  }
  auto table = stablelm({"bench", "q8_0.gguf", "-p", "16", "-n", "4", "-b", "1,2", "--depth",
                         "0,32", "--repeats", "1", "--format", "json"},
                        dir.path());
  ASSERT_EQ(table.exit_code, 0) << table.err;
  Json report = Json::parse(table.out);
  EXPECT_EQ(report["rows"].size(), 6u);
  EXPECT_GT(report["rows"][1]["median_tokens_per_second"], 0);

  auto directory = stablelm({"init", parrot, "model", "--dtype", "bf16"}, dir.path());
  ASSERT_EQ(directory.exit_code, 0) << directory.err;
  auto again = stablelm({"init", parrot, "model"}, dir.path());
  EXPECT_EQ(again.exit_code, 2) << "a model was overwritten";
  auto unknown = stablelm({"init", "stablelm-3b-4e1", "x.gguf"}, dir.path());
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_NE(unknown.err.find("stablelm-3b-4e1t"), std::string::npos) << unknown.err;
}

TEST(Inference, SeveralPromptsAreAsEachAlone) {
  testing::TemporaryDirectory dir;
  const std::vector<std::string> prompts{"The ship", "Once upon a time", "The ship was"};
  std::ofstream list(dir.path() / "prompts.jsonl");
  for (const std::string& p : prompts) list << Json{{"prompt", p}}.dump() << "\n";
  list.close();
  std::vector<std::string> common{"--max-new-tokens", "12",  "--temperature", "0",
                                  "--format",         "json"};
  auto with = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "generate");
    words.insert(words.end(), common.begin(), common.end());
    auto result = stablelm(words, dir.path());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return lines_of(result.out);
  };
  std::vector<std::string> alone;
  for (const std::string& p : prompts) alone.push_back(with({"--prompt", p}).at(0));
  EXPECT_EQ(with({"--prompts", "prompts.jsonl", "--parallel", "2"}), alone);
  EXPECT_EQ(with({"--prompt", prompts[0], "--prompt", prompts[1], "--prompt", prompts[2]}), alone);
  for (const std::string& drafter :
       {std::string("prompt-lookup"), (testing::source_dir() / "models/parrot").string()})
    EXPECT_EQ(with({"--prompt", prompts[1], "--speculate", drafter}).at(0), alone[1]) << drafter;
}

TEST(Inference, MistakesAreOneLine) {
  testing::TemporaryDirectory dir;
  std::ofstream(dir.path() / "bad.jsonl") << "{\"text\": \"x\"}\n";
  std::string other = testing::fixture("stablelm-3b-sharded").string();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"generate", "--prompts", "bad.jsonl"},
        {"generate", "--prompts", "none.jsonl"},
        {"generate", "--prompt", "x", "--speculate", other},
        {"generate", "--prompt", "x", "--speculate", "no/such-model"},
        {"bench", "no-such-model"},
        {"init", "no-such-model", "x.gguf"},
        {"init", "stablelm-3b-4e1t", "x", "--dtype", "q4_0"}}) {
    auto result = stablelm(words, dir.path());
    EXPECT_NE(result.exit_code, 0) << words[0];
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  }
}

TEST(Inference, LayersOnAGpuThatIsNotThereAreRefused) {
  testing::TemporaryDirectory dir;
  auto bench = [&](const std::string& layers) {
    return stablelm({"bench", testing::fixture("stablelm-3b-sharded").string(), "--backend", "cpu",
                     "--gpu-layers", layers, "-p", "4", "-n", "0", "--repeats", "1"},
                    dir.path());
  };
  auto some = bench("3");
  EXPECT_EQ(some.exit_code, 2);
  EXPECT_EQ(std::ranges::count(some.err, '\n'), 1) << some.err;
  EXPECT_NE(some.err.find("--gpu-layers 3: the cpu backend has no GPU"), std::string::npos);
  EXPECT_NE(some.err.find("leave --gpu-layers out"), std::string::npos) << some.err;
  auto odd = bench("many");
  EXPECT_NE(odd.exit_code, 0);
  EXPECT_NE(odd.err.find("expected auto or a number of layers"), std::string::npos) << odd.err;
  EXPECT_EQ(bench("0").exit_code, 0);
}

}  // namespace
}  // namespace slm
