#include "generate/sequence.h"

#include <gtest/gtest.h>

#include "generate/tiny_model.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr int64_t kVocab = 260;  // one row more than the tokenizer has tokens
constexpr int32_t kEnd = 256, kUser = 257;

class SequenceTest : public ::testing::Test {
 protected:
  // Makes the sequence choose this token next.
  std::string force(Sequence& sequence, int32_t id) {
    std::vector<float> logits(kVocab, 0.f);
    logits[size_t(id)] = 1;
    return sequence.advance(logits);
  }
  // Feeds the bytes until the sequence ends; the pieces of text it gives, one for each.
  std::vector<std::string> feed(Sequence& sequence, std::string_view bytes) {
    std::vector<std::string> pieces;
    for (char c : bytes) {
      if (sequence.finished()) break;
      pieces.push_back(force(sequence, uint8_t(c)));
    }
    return pieces;
  }
  Sequence sequence(GenerationRequest request) {
    request.sampling.temperature = 0;
    if (request.prompt.empty()) request.prompt = {'>'};
    return Sequence(request, tokenizer_.get(), kVocab);
  }
  std::shared_ptr<const Tokenizer> tokenizer_ = testing::byte_tokenizer();
};

using Pieces = std::vector<std::string>;

TEST_F(SequenceTest, AStopIdIsKeptButNotShown) {
  Sequence s = sequence({.stop_ids = {kUser, kEnd}});
  EXPECT_EQ(force(s, 'a'), "a");
  EXPECT_FALSE(s.finished());
  EXPECT_EQ(force(s, kEnd), "");
  EXPECT_EQ(s.finished(), FinishReason::kStop);
  EXPECT_EQ(std::vector<int32_t>(s.output().begin(), s.output().end()),
            (std::vector<int32_t>{'a', kEnd}));
}

TEST_F(SequenceTest, AnOrdinaryTokenCanBeAStopId) {
  Sequence s = sequence({.stop_ids = {'!'}});
  EXPECT_EQ(feed(s, "a!b"), (Pieces{"a", ""}));
  EXPECT_EQ(s.finished(), FinishReason::kStop);
}

TEST_F(SequenceTest, LengthEndsIt) {
  Sequence s = sequence({.max_new_tokens = 2});
  EXPECT_EQ(feed(s, "abc"), (Pieces{"a", "b"}));
  EXPECT_EQ(s.finished(), FinishReason::kLength);
  EXPECT_EQ(sequence({.max_new_tokens = 0}).finished(), FinishReason::kLength);
}

TEST_F(SequenceTest, AStopOnTheLastTokenIsAStop) {
  Sequence s = sequence({.max_new_tokens = 1, .stop_ids = {kEnd}});
  force(s, kEnd);
  EXPECT_EQ(s.finished(), FinishReason::kStop);
  Sequence t = sequence({.max_new_tokens = 1, .stop_strings = {"x"}});
  EXPECT_EQ(force(t, 'x'), "");
  EXPECT_EQ(t.finished(), FinishReason::kStop);
}

TEST_F(SequenceTest, CharactersAreNeverTorn) {
  Sequence s = sequence({.max_new_tokens = 7});
  EXPECT_EQ(feed(s, "\xC3\xA9\xF0\x9F\x98\x80\xC3"),
            (Pieces{"", "\xC3\xA9", "", "", "", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD"}));
}

TEST_F(SequenceTest, StopStringsAreFoundAcrossTokens) {
  Sequence s = sequence({.stop_strings = {"\n###", "END"}});
  EXPECT_EQ(feed(s, "a\n##b\n### c"), (Pieces{"a", "", "", "", "\n##b", "", "", "", ""}));
  EXPECT_EQ(s.finished(), FinishReason::kStop);
}

TEST_F(SequenceTest, WhatIsHeldBackComesOutAtTheEnd) {
  Sequence s = sequence({.max_new_tokens = 3, .stop_strings = {"###"}});
  EXPECT_EQ(feed(s, "a##"), (Pieces{"a", "", "##"}));
  Sequence t = sequence({.stop_ids = {kEnd}, .stop_strings = {"###"}});
  EXPECT_EQ(feed(t, "#"), (Pieces{""}));
  EXPECT_EQ(force(t, kEnd), "#");
}

TEST_F(SequenceTest, ALeadingSpaceBelongsToTheText) {
  Sequence s = sequence({});
  EXPECT_EQ(feed(s, " a"), (Pieces{" ", "a"}));
}

TEST_F(SequenceTest, SpecialTokensHaveNoText) {
  Sequence s = sequence({});
  EXPECT_EQ(force(s, kUser), "");
  EXPECT_FALSE(s.finished());
}

TEST_F(SequenceTest, RowsBeyondTheTokenizerAreNeverChosen) {
  Sequence s = sequence({});
  force(s, kVocab - 1);
  EXPECT_LT(s.output()[0], tokenizer_->size());
}

TEST_F(SequenceTest, WithoutATokenizerThereIsNoText) {
  GenerationRequest request{.prompt = {5}, .sampling = {.temperature = 0}, .stop_ids = {9}};
  Sequence s(request, nullptr, kVocab);
  EXPECT_EQ(force(s, kVocab - 1), "");
  EXPECT_EQ(s.output()[0], kVocab - 1);
  EXPECT_EQ(force(s, 9), "");
  EXPECT_EQ(s.finished(), FinishReason::kStop);
  request.stop_strings = {"x"};
  EXPECT_THROW(Sequence(request, nullptr, kVocab), Error);
}

TEST_F(SequenceTest, PromptsAreChecked) {
  EXPECT_THROW(sequence({.prompt = {-1}}), Error);
  EXPECT_THROW(sequence({.prompt = {int32_t(kVocab)}}), Error);
  EXPECT_THROW(Sequence(GenerationRequest{}, nullptr, kVocab), Error);
}

}  // namespace
}  // namespace slm
