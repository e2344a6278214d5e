// Generating text the way scripts do.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/test_data.h"

namespace slm {
namespace {

using Json = nlohmann::json;

testing::ProcessResult generate(std::vector<std::string> words) {
  std::vector<std::string> all{STABLELM_BINARY, "generate",
                               testing::fixture("stablelm-3b-sharded").string()};
  all.insert(all.end(), words.begin(), words.end());
  return testing::run_process(all, "/");
}

TEST(Generate, JsonHasWhatScriptsRelyOn) {
  auto result = generate({"--prompt-ids", "1,2,3", "--max-new-tokens", "5", "--temperature", "0",
                          "--ignore-eos", "--format", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  Json line = Json::parse(result.out);
  EXPECT_EQ(line.size(), 4u);
  EXPECT_EQ(line["prompt_ids"], (Json{1, 2, 3}));
  EXPECT_EQ(line["ids"].size(), 5u);
  EXPECT_EQ(line["text"], "");
  EXPECT_EQ(line["finish_reason"], "length");
}

TEST(Generate, TheSeedRepeatsIt) {
  std::vector<std::string> words{"--prompt-ids", "7",    "--max-new-tokens", "30",
                                 "--seed",       "5",    "--temperature",    "1.5",
                                 "--format",     "json", "--ignore-eos"};
  auto first = generate(words), second = generate(words);
  EXPECT_EQ(first.out, second.out);
  words[5] = "6";
  EXPECT_NE(generate(words).out, first.out);
}

TEST(Generate, MistakesAreOneLine) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--prompt", "text"},  // this model has no tokenizer
        {"--prompt-ids", "1,99999"},
        {"--prompt-ids", "1", "--temperature", "-1"},
        {"--prompt-ids", "1", "--top-p", "2"},
        {"--prompt-ids", "1", "--stop", "x"}}) {
    auto result = generate(words);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  }
  EXPECT_EQ(generate({}).exit_code, 2);
  EXPECT_EQ(generate({"--prompt-ids", "1", "--prompt", "x"}).exit_code, 2);
}

}  // namespace
}  // namespace slm
