// Making a model smaller, and using what comes out.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "support/process.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

testing::ProcessResult stablelm(std::vector<std::string> words, const fs::path& directory) {
  words.insert(words.begin(), STABLELM_BINARY);
  return testing::run_process(words, directory);
}

TEST(Quantize, ParrotStillTalks) {
  testing::TemporaryDirectory dir;
  std::string parrot = (testing::source_dir() / "models/parrot").string(),
              text = (testing::source_dir() / "README.md").string();
  auto result = stablelm({"quantize", parrot, "parrot.gguf", "--type", "q4_k_m", "--calibration",
                          text, "--calibration-tokens", "200"},
                         dir.path());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("bits per weight"), std::string::npos) << result.out;
  EXPECT_LT(fs::file_size(dir.path() / "parrot.gguf"),
            fs::file_size(fs::path(parrot) / "model.safetensors") / 2);
  auto said = stablelm({"generate", "parrot.gguf", "--prompt", "The ship", "--max-new-tokens", "12",
                        "--temperature", "0"},
                       dir.path());
  EXPECT_EQ(said.exit_code, 0) << said.err;
  EXPECT_GT(said.out.size(), 12u) << said.out;

  auto again = stablelm({"quantize", "parrot.gguf", "again.gguf", "--type", "q8_0"}, dir.path());
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.err.find("quantised already"), std::string::npos) << again.err;
}

TEST(Quantize, ProductsAreExactWhereAskedFor) {
  testing::TemporaryDirectory dir;
  std::string parrot = (testing::source_dir() / "models/parrot").string();
  write_file_atomically(dir.path() / "ids.json", "[[5, 17, 300, 4]]");
  ASSERT_EQ(stablelm({"quantize", parrot, "q8.gguf", "--type", "q8_0"}, dir.path()).exit_code, 0);
  auto logits = [&](const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> words{"logits", "q8.gguf", "--ids", "ids.json", "--output", name};
    words.insert(words.end(), more.begin(), more.end());
    auto result = stablelm(words, dir.path());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return read_file(dir.path() / name);
  };
  std::string fast = logits("fast.safetensors", {}),
              exact = logits("exact.safetensors", {"--exact"});
  EXPECT_EQ(fast.size(), exact.size());
  EXPECT_NE(fast, exact);
  EXPECT_EQ(exact, logits("again.safetensors", {"--exact", "--threads", "1"}));
}

TEST(Quantize, MistakesAreOneLine) {
  testing::TemporaryDirectory dir;
  std::string model = testing::fixture("stablelm-3b-sharded").string();
  struct Mistake {
    std::vector<std::string> words;
    std::string said;
  };
  for (const Mistake& mistake :
       {Mistake{{model, "out.gguf", "--type", "q9"}, "q4_k_m"},
        {{model, "out.bin", "--type", "q8_0"}, ".gguf"},
        {{model, "out.gguf", "--type", "q8_0", "--calibration", "/no/such/text"}, "tokenizer"},
        {{"/no/such/model", "out.gguf", "--type", "q8_0"}, "/no/such/model"}}) {
    std::vector<std::string> words{"quantize"};
    words.insert(words.end(), mistake.words.begin(), mistake.words.end());
    auto result = stablelm(words, dir.path());
    EXPECT_NE(result.exit_code, 0) << mistake.said;
    EXPECT_NE(result.err.find(mistake.said), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_FALSE(fs::exists(dir.path() / "out.gguf"));
  }
}

}  // namespace
}  // namespace slm
