// What every subcommand owes its user: help that teaches, one clear error, an exit code that says
// what kind.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "support/process.h"
#include "support/test_data.h"

namespace slm {
namespace {

testing::ProcessResult stablelm(std::vector<std::string> words,
                                const std::filesystem::path& directory = "/",
                                const std::string& input = "") {
  words.insert(words.begin(), STABLELM_BINARY);
  return testing::run_process(words, directory, input);
}

int lines(const std::string& text) { return int(std::count(text.begin(), text.end(), '\n')); }

TEST(Program, HelpEverywhere) {
  EXPECT_EQ(stablelm({"--version"}).out.rfind("stablelm ", 0), 0u);
  for (const char* command :
       {"chat", "generate", "info", "verify", "logits", "convert", "quantize", "tokenize",
        "detokenize", "tokenizer", "data", "pretrain", "checkpoint", "pull", "delta", "bench"}) {
    auto help = stablelm({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_GE(lines(help.out), 5) << command << ": " << help.out;
  }
}

TEST(Program, WrongUsageIsExitTwo) {
  EXPECT_EQ(stablelm({}).exit_code, 2);
  EXPECT_EQ(stablelm({"chta"}).exit_code, 2);
  EXPECT_EQ(stablelm({"info", "--no-such-flag"}).exit_code, 2);
}

TEST(Program, AbsentModelIsExitThreeAndOneLine) {
  auto result = stablelm({"info", "/no/such/model"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_EQ(lines(result.err), 1) << result.err;
  EXPECT_NE(result.err.find("/no/such/model"), std::string::npos);
}

TEST(Program, BrokenConfigNamesFileAndKey) {
  testing::TemporaryDirectory dir;
  std::ofstream(dir.path() / "config.json")
      << R"({"model_type": "stablelm", "vocab_size": 100, "hidden_size": -1})";
  auto result = stablelm({"info", dir.path().string()});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.err.find("config.json"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("hidden_size"), std::string::npos) << result.err;
  EXPECT_EQ(lines(result.err), 1) << result.err;
}

TEST(Program, AHubModelThatIsNotHereIsExitThreeAndSaysHowToGetIt) {
  testing::TemporaryDirectory home;
  auto offline = [&](const std::string& words) {
    return testing::run_process({"sh", "-c",
                                 "HF_HUB_OFFLINE=1 HF_HOME=" + home.path().string() + " exec " +
                                     STABLELM_BINARY + " " + words},
                                "/");
  };
  auto result = offline("info org/name");
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_NE(result.err.find("`stablelm pull org/name`"), std::string::npos) << result.err;
  EXPECT_EQ(lines(result.err), 1) << result.err;
  result = offline("pull org/name");
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_EQ(lines(result.err), 1) << result.err;
  EXPECT_EQ(offline("pull name").exit_code, 2);
}

TEST(Program, ADeltaMakesAModelWholeAgain) {
  testing::TemporaryDirectory dir;
  std::string model = testing::fixture("llama-vicuna"), at = dir.path().string();
  auto made = stablelm({"delta", "make", model, model, at + "/delta"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  auto whole = stablelm({"delta", "apply", model, at + "/delta", at + "/whole", "--dtype", "f32"});
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(stablelm({"info", at + "/whole"}).exit_code, 0);
  // Another model of the same shapes is not the base.
  auto wrong = stablelm({"delta", "apply", at + "/delta", at + "/delta", at + "/other"});
  EXPECT_EQ(wrong.exit_code, 2) << wrong.err;
  EXPECT_NE(wrong.err.find("not the model that"), std::string::npos) << wrong.err;
  EXPECT_FALSE(std::filesystem::exists(at + "/other/config.json"));
}

TEST(Program, AClosedPipeEndsQuietly) {
  auto result = testing::run_process(
      {"sh", "-c", std::string(STABLELM_BINARY) + " --help-all | head -n 1"}, "/");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace slm
