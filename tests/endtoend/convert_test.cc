// stablelm convert: to GGUF and back, as a user does it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "support/process.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::run_process;

class Convert : public ::testing::Test {
 protected:
  testing::ProcessResult stablelm(std::vector<std::string> words) {
    words.insert(words.begin(), STABLELM_BINARY);
    return run_process(words, scratch_.path());
  }
  std::string continuation(const std::string& model) {
    auto result = stablelm({"generate", model, "--prompt", "Once upon a time", "--temperature", "0",
                            "--max-new-tokens", "12", "--format", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  testing::TemporaryDirectory scratch_;
  std::string parrot_ = (testing::source_dir() / "models" / "parrot").string();
};

TEST_F(Convert, ToGgufAndBackSaysTheSame) {
  EXPECT_EQ(stablelm({"convert", parrot_, "p.gguf"}).exit_code, 0);
  auto back = stablelm({"convert", "p.gguf", "back", "--max-shard-size", "5MB"});
  EXPECT_EQ(back.exit_code, 0) << back.err;
  EXPECT_TRUE(fs::exists(scratch_.path() / "back/model.safetensors.index.json"));
  EXPECT_TRUE(fs::exists(scratch_.path() / "back/tokenizer.json"));
  for (const char* name : {"config.json", "generation_config.json"})
    EXPECT_EQ(nlohmann::json::parse(read_file(scratch_.path() / "back" / name)),
              nlohmann::json::parse(read_file(fs::path(parrot_) / name)));
  std::string said = continuation(parrot_);
  EXPECT_EQ(continuation("p.gguf"), said);
  EXPECT_EQ(continuation("back"), said);
}

TEST_F(Convert, AGgufFileIsAModelForEveryCommand) {
  ASSERT_EQ(stablelm({"convert", parrot_, "p.gguf", "--dtype", "f16"}).exit_code, 0);
  EXPECT_NE(stablelm({"info", "p.gguf"}).out.find("f16"), std::string::npos);
  write_file_atomically(scratch_.path() / "ids.json", "[[1, 2, 3]]");
  EXPECT_EQ(
      stablelm({"logits", "p.gguf", "--ids", "ids.json", "--output", "l.safetensors"}).exit_code,
      0);
  write_file_atomically(scratch_.path() / "text.jsonl", "{\"text\": \"Hello there\"}\n");
  auto ids = stablelm({"tokenize", "p.gguf", "--input", "text.jsonl"});
  EXPECT_EQ(ids.out, stablelm({"tokenize", parrot_, "--input", "text.jsonl"}).out);
  EXPECT_NE(ids.out.find("\"ids\""), std::string::npos) << ids.err;
}

TEST_F(Convert, WrongSizesAndTypesAreExitTwoOrOneLine) {
  EXPECT_EQ(stablelm({"convert", parrot_, "p", "--max-shard-size", "5 bananas"}).exit_code, 2);
  auto type = stablelm({"convert", parrot_, "p.gguf", "--dtype", "i8"});
  EXPECT_NE(type.exit_code, 0);
  EXPECT_NE(type.err.find("--dtype i8: expected f32, bf16 or f16"), std::string::npos) << type.err;
  write_file_atomically(scratch_.path() / "broken.gguf", "GGUF\3");
  auto broken = stablelm({"info", "broken.gguf"});
  EXPECT_NE(broken.exit_code, 0);
  EXPECT_NE(broken.err.find("broken.gguf: ends at byte 5"), std::string::npos) << broken.err;
}

}  // namespace
}  // namespace slm
