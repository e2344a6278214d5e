#include "eval/scoring/passages.h"

#include <gtest/gtest.h>

#include "generate/tiny_model.h"
#include "util/error.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

class Passages : public ::testing::Test {
 protected:
  PassageMaker maker(int64_t max_length = 100) {
    return PassageMaker(*tokenizer, {.max_length = max_length, .end_of_text = 256});
  }
  std::shared_ptr<const Tokenizer> tokenizer = testing::byte_tokenizer();
};

TEST_F(Passages, ContinuationsFollowTheirContext) {
  Passage p = maker().pair("ab", " c");
  EXPECT_EQ(p.input, (Ids{'a', 'b', ' '}));
  EXPECT_EQ(p.targets, (Ids{' ', 'c'}));
  p = maker().pair("", "xy");
  EXPECT_EQ(p.input, (Ids{256, 'x'}));
  EXPECT_EQ(p.targets, (Ids{'x', 'y'}));
}

TEST_F(Passages, TrailingSpaceMovesIntoTheContinuation) {
  for (std::string space : {" ", "\n\t ", "\xc2\xa0", "\x1c", "\xe3\x80\x80"}) {
    Passage p = maker().pair("a" + space, "b");
    EXPECT_EQ(p.targets.size(), space.size() + 1) << space;
    EXPECT_EQ(p.input.size(), space.size() + 1) << space;
  }
  EXPECT_EQ(maker().pair("a\xe2\x80\x8b", "b").targets.size(), 1u);  // U+200B is no space
}

TEST_F(Passages, LongTextsAreCutFromTheLeft) {
  Passage p = maker(3).pair("abcdef", "gh");
  EXPECT_EQ(p.input, (Ids{'e', 'f', 'g'}));
  EXPECT_EQ(p.targets, (Ids{'g', 'h'}));
  p = maker(2).pair("abc", "de");
  EXPECT_EQ(p.input, (Ids{'c', 'd'}));
  EXPECT_THROW(maker(1).pair("abc", "de"), Error);
}

TEST_F(Passages, WhatHasNoTokensIsRefused) {
  EXPECT_THROW(maker().pair("abc", ""), Error);
  EXPECT_THROW(maker().pair("  ", "abc"), Error);
  EXPECT_THROW(maker().rolling(""), Error);
}

TEST_F(Passages, RollingWindowsScoreEveryTokenOnce) {
  auto windows = maker(3).rolling("abcdefgh");
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[0].input, (Ids{256, 'a', 'b'}));
  EXPECT_EQ(windows[0].targets, (Ids{'a', 'b', 'c'}));
  EXPECT_EQ(windows[1].input, (Ids{'c', 'd', 'e'}));
  EXPECT_EQ(windows[1].targets, (Ids{'d', 'e', 'f'}));
  EXPECT_EQ(windows[2].input, (Ids{'e', 'f', 'g'}));
  EXPECT_EQ(windows[2].targets, (Ids{'g', 'h'}));
  ASSERT_EQ(maker(30).rolling("ab").size(), 1u);
  EXPECT_EQ(maker(30).rolling("ab")[0].input, (Ids{256, 'a'}));
}

TEST_F(Passages, PromptsLeaveRoom) {
  EXPECT_EQ(maker(6).prompt("abcdef", 4), (Ids{'e', 'f'}));
  EXPECT_EQ(maker(6).prompt("", 4), (Ids{256}));
  EXPECT_THROW(maker(6).prompt("a", 6), Error);
}

}  // namespace
}  // namespace slm
