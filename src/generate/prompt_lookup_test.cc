#include "generate/prompt_lookup.h"

#include <gtest/gtest.h>

#include "generate/draft_length.h"
#include "generate/generator.h"
#include "generate/tiny_model.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

Ids proposed(const Ids& ids, int64_t most) {
  Ids result;
  for (const Proposal& p : PromptLookup().propose(ids, most)) {
    EXPECT_TRUE(p.from.empty());
    result.push_back(p.id);
  }
  return result;
}

TEST(PromptLookup, ProposesWhatFollowedTheLongestRun) {
  EXPECT_EQ(proposed({1, 2, 3, 4, 9, 1, 2}, 3), (Ids{3, 4, 9}));
  EXPECT_EQ(proposed({7, 1, 2, 3, 5, 1, 2, 4, 7, 1, 2}, 1), (Ids{3}));  // 7 1 2 beats 1 2
  EXPECT_EQ(proposed({1, 2, 3, 1, 2, 4, 1, 2}, 1), (Ids{4}));           // the latest of two
  EXPECT_EQ(proposed({1, 2, 1, 2}, 5), (Ids{1, 2}));                    // as far as there are any
}

TEST(PromptLookup, ProposesNothingWithoutARun) {
  EXPECT_EQ(proposed({1, 2, 3, 4}, 5), Ids{});
  EXPECT_EQ(proposed({1, 2, 3, 1}, 5), Ids{});  // one token is not enough
  EXPECT_EQ(proposed({1}, 5), Ids{});
}

class LookupGeneration : public ::testing::Test {
 protected:
  GenerationResult generate(const GenerationRequest& request, bool speculate) {
    SpeculationOptions speculation;
    if (speculate) speculation.make = [] { return std::make_unique<PromptLookup>(); };
    return Generator(decoder_, *backend_, nullptr, {.speculation = speculation}).generate(request);
  }
  DecoderSpec spec_ = testing::tiny_spec(31);
  Parameters parameters_ = testing::random_parameters(spec_);
  Decoder decoder_{spec_, parameters_};
  std::unique_ptr<Backend> backend_ = make_reference_backend();
};

// Models with random weights soon repeat themselves, which is what a lookup finds.
TEST_F(LookupGeneration, GreedyTextIsTheSameInFewerPasses) {
  GenerationRequest request{
      .prompt = {3, 1, 4, 1, 5, 3, 1, 4}, .sampling = {.temperature = 0}, .max_new_tokens = 50};
  GenerationResult plain = generate(request, false), fast = generate(request, true);
  EXPECT_EQ(fast.ids, plain.ids);
  EXPECT_EQ(fast.finish_reason, plain.finish_reason);
  EXPECT_EQ(plain.timings.proposed_tokens, 0);
  EXPECT_GT(fast.timings.proposed_tokens, 0);
}

// Guesses do not change what is drawn: the same numbers decide in the same places.
TEST_F(LookupGeneration, SampledTextIsTheSameForASeed) {
  for (uint64_t seed : {1, 2, 3}) {
    GenerationRequest request{.prompt = {3, 1, 4, 1, 5, 3, 1, 4, 1, 5, 3, 1},
                              .sampling = {.temperature = 0.3, .seed = seed},
                              .max_new_tokens = 50};
    EXPECT_EQ(generate(request, true).ids, generate(request, false).ids) << seed;
  }
}

TEST_F(LookupGeneration, AStopAmongTheProposedTokensEndsTheText) {
  GenerationRequest request{
      .prompt = {3, 1, 4, 1, 5, 3, 1, 4}, .sampling = {.temperature = 0}, .max_new_tokens = 50};
  Ids ids = generate(request, false).ids;
  request.stop_ids = {ids[ids.size() - 2]};
  EXPECT_EQ(generate(request, true).ids, generate(request, false).ids);
}

TEST(DraftLength, GrowsWithSuccessAndShrinksWithFailure) {
  DraftLength length(16, 0.05);
  EXPECT_EQ(length.next(), 4);
  length.record(4, 4, 0);
  EXPECT_EQ(length.next(), 8);
  length.record(8, 8, 0);
  length.record(16, 16, 0);
  EXPECT_EQ(length.next(), 16);
  length.record(16, 5, 0);
  EXPECT_EQ(length.next(), 6);
}

TEST(DraftLength, RestsLongerEachTimeItDoesNotPay) {
  DraftLength length(8, 0.5);
  int64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    int64_t rested = 0;
    while (length.next() > 0) length.record(length.next(), 0, 0);
    for (; length.next() == 0; ++rested) length.record(0, 0, 0);
    EXPECT_GT(rested, last);
    last = rested;
  }
}

TEST(DraftLength, MeasuresWhereTheCostIsNotKnown) {
  DraftLength length(8, -1);
  EXPECT_EQ(length.next(), 0);  // to know what a token alone takes
  length.record(0, 0, 1.0);
  length.record(0, 0, 1.0);
  EXPECT_EQ(length.next(), 4);
  for (int i = 0; i < 4; ++i) length.record(4, 3, 2.0);  // 4 tokens in the time of 2
  EXPECT_GT(length.next(), 0);
  for (int i = 0; i < 8 && length.next() > 0; ++i) length.record(4, 3, 8.0);
  EXPECT_EQ(length.next(), 0);
}

}  // namespace
}  // namespace slm
