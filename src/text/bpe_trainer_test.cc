#include "text/bpe_trainer.h"

#include <gtest/gtest.h>

#include "text/tokenizer.h"
#include "util/error.h"
#include "util/json.h"

namespace slm {
namespace {

std::string train(const std::vector<std::string>& texts, const BpeTrainerOptions& options) {
  BpeTrainer trainer(options);
  for (const std::string& t : texts) trainer.add(t);
  return trainer.train_to_json();
}

std::vector<std::string> merges_of(const std::string& json) {
  return parse_json(json, "trained")["model"]["merges"].get<std::vector<std::string>>();
}

TEST(BpeTrainer, MergesTheMostFrequentPairFirst) {
  // "ab" 4 times; then "abc" 3 times; "xy" twice; "zw" once is too rare.
  std::string json = train({"abc abc abc ab", "xy xy zw"}, {.vocab_size = 300});
  auto merges = merges_of(json);
  ASSERT_GE(merges.size(), 3u);
  EXPECT_EQ(merges[0], "a b");
  for (const std::string& m : merges) EXPECT_EQ(m.find('z'), std::string::npos) << m;
}

TEST(BpeTrainer, TiesGoToTheSmallerIds) {
  auto merges = merges_of(train({"cd", "ab", "cd", "ab"}, {.vocab_size = 300}));
  EXPECT_EQ(merges, (std::vector<std::string>{"a b", "c d"}));
}

TEST(BpeTrainer, OverlappingPairsAreCountedAsTheyMerge) {
  auto merges = merges_of(train({"aaaa", "aaaa"}, {.vocab_size = 300}));
  EXPECT_EQ(merges, (std::vector<std::string>{"a a", "aa aa"}));
}

TEST(BpeTrainer, OrderOfTextsDoesNotMatter) {
  std::vector<std::string> texts = {"the cat sat on the mat", "a dog and a cat",
                                    "on and on we sat"};
  BpeTrainerOptions options{.vocab_size = 290, .special_tokens = {"<|endoftext|>"}};
  std::string one = train(texts, options);
  std::swap(texts[0], texts[2]);
  EXPECT_EQ(train(texts, options), one);
}

TEST(BpeTrainer, SpecialTokensComeFirstAndAreNotLearnt) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "<|end|>";
  std::string json =
      train({text + "ok ok"}, {.vocab_size = 400, .special_tokens = {"<|end|>", "<|pad|>"}});
  auto tokenizer = parse_tokenizer_json(json, "trained");
  EXPECT_EQ(tokenizer->find("<|end|>"), 0);
  EXPECT_EQ(tokenizer->find("<|pad|>"), 1);
  EXPECT_EQ(tokenizer->find("!"), 2);
  EXPECT_EQ(merges_of(json), (std::vector<std::string>{"o k"}));
  EXPECT_EQ(tokenizer->encode("<|end|>"), std::vector<int32_t>{0});
}

TEST(BpeTrainer, FillsTheVocabularyExactly) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += " w" + std::to_string(i * 7919 % 1000);
  auto tokenizer = parse_tokenizer_json(train({text}, {.vocab_size = 320}), "trained");
  EXPECT_EQ(tokenizer->size(), 320);
}

TEST(BpeTrainer, LongPiecesDoNotSlowItDown) {
  std::string json = train({std::string(3000000, 'a')}, {.vocab_size = 2000});
  EXPECT_FALSE(merges_of(json).empty());
}

TEST(BpeTrainer, RefusesWhatCannotBe) {
  EXPECT_THROW(BpeTrainer({.vocab_size = 256, .special_tokens = {"<s>"}}), Error);
  EXPECT_THROW(BpeTrainer({.vocab_size = 1000, .special_tokens = {"<s>", "<s>"}}), Error);
  EXPECT_THROW(BpeTrainer({.vocab_size = 1000, .special_tokens = {"x"}}), Error);
}

}  // namespace
}  // namespace slm
