#include "generate/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "generate/tiny_model.h"
#include "util/error.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

class GeneratorTest : public ::testing::Test {
 protected:
  Generator generator(const GeneratorOptions& options = {}, const Tokenizer* tokenizer = nullptr) {
    return Generator(decoder_, *backend_, tokenizer, options);
  }
  // The likeliest tokens, kept from going in circles as random models do.
  static constexpr SamplingOptions kGreedy{.temperature = 0, .no_repeat_ngram = 2};
  static GenerationRequest greedy(Ids prompt, int64_t count) {
    return {.prompt = std::move(prompt), .sampling = kGreedy, .max_new_tokens = count};
  }
  // The continuation by the definition: the whole sequence anew for every token.
  Ids without_cache(Ids ids, int64_t count) {
    int64_t given = int64_t(ids.size());
    Sampler sampler(kGreedy, spec_.vocab);
    for (int64_t i = 0; i < count; ++i) {
      Context cx{*backend_};
      Tensor hidden = decoder_.hidden(cx, TokenBatch::pack({{ids}}));
      Tensor logits = decoder_.logits(cx, hidden.rows(given + i - 1, given + i));
      ids.push_back(sampler.choose(logits.span<const float>(), ids, given));
    }
    return {ids.begin() + given, ids.end()};
  }

  DecoderSpec spec_ = testing::tiny_spec(259);
  Parameters parameters_ = testing::random_parameters(spec_);
  Decoder decoder_{spec_, parameters_};
  std::unique_ptr<Backend> backend_ = make_reference_backend();
};

TEST_F(GeneratorTest, TheCacheDoesNotChangeWhatIsGenerated) {
  Ids expected = without_cache({3, 1, 4, 1, 5}, 20);
  EXPECT_GT(std::set<int32_t>(expected.begin(), expected.end()).size(), 5u);
  for (int64_t chunk : {1, 2, 512}) {
    GenerationResult result =
        generator({.prefill_chunk = chunk}).generate(greedy({3, 1, 4, 1, 5}, 20));
    EXPECT_EQ(result.ids, expected) << "in pieces of " << chunk;
    EXPECT_EQ(result.finish_reason, FinishReason::kLength);
    EXPECT_EQ(result.text, "");
  }
}

TEST_F(GeneratorTest, ASharedPrefixIsComputedOnce) {
  Generator kept = generator();
  Ids first = kept.generate(greedy({3, 1, 4, 1, 5}, 6)).ids;
  Ids prompt{3, 1, 4, 1, 5};
  prompt.insert(prompt.end(), first.begin(), first.end());
  prompt.insert(prompt.end(), {9, 2});

  GenerationResult longer = kept.generate(greedy(prompt, 8));
  EXPECT_EQ(longer.ids, without_cache(prompt, 8));
  EXPECT_EQ(longer.timings.reused_tokens, 10);  // the last token chosen was never computed

  GenerationResult forked = kept.generate(greedy({3, 1, 4, 7}, 8));
  EXPECT_EQ(forked.ids, without_cache({3, 1, 4, 7}, 8));
  EXPECT_EQ(forked.timings.reused_tokens, 3);

  GenerationResult again = kept.generate(greedy({3, 1, 4, 7}, 8));
  EXPECT_EQ(again.ids, forked.ids);
  EXPECT_EQ(again.timings.reused_tokens, 3);  // one is left to compute

  GenerationResult other = kept.generate(greedy({8, 8}, 8));
  EXPECT_EQ(other.ids, without_cache({8, 8}, 8));
  EXPECT_EQ(other.timings.reused_tokens, 0);
}

TEST_F(GeneratorTest, WarmingUpLeavesNothingBehind) {
  Generator warm = generator();
  warm.warm_up();
  GenerationResult result = warm.generate(greedy({0, 1, 4}, 6));
  EXPECT_EQ(result.ids, without_cache({0, 1, 4}, 6));
  EXPECT_EQ(result.timings.reused_tokens, 0);
}

TEST_F(GeneratorTest, ContextIsTheLimit) {
  Generator small = generator({.context = 8});
  GenerationResult result = small.generate(greedy({3, 1, 4, 1, 5}, 20));
  EXPECT_EQ(result.ids, without_cache({3, 1, 4, 1, 5}, 3));
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
  EXPECT_THROW(small.generate(greedy(Ids(8, 1), 1)), Error);
  EXPECT_EQ(small.generate(greedy(Ids(7, 1), 5)).ids.size(), 1u);
  EXPECT_EQ(generator().context(), spec_.max_positions);
}

TEST_F(GeneratorTest, AnErrorLeavesTheGeneratorUsable) {
  Generator g = generator({.context = 8});
  g.generate(greedy({3, 1, 4}, 2));
  EXPECT_THROW(g.generate(greedy({3, 1, 999}, 2)), Error);
  EXPECT_THROW(g.generate(greedy({}, 2)), Error);
  EXPECT_EQ(g.generate(greedy({3, 1, 4}, 2)).ids, without_cache({3, 1, 4}, 2));
}

TEST_F(GeneratorTest, StopIdsEndIt) {
  Ids expected = without_cache({3, 1, 4}, 10);
  GenerationRequest request = greedy({3, 1, 4}, 10);
  request.stop_ids = {expected[4]};
  GenerationResult result = generator().generate(request);
  auto stop = std::ranges::find(expected, expected[4]);
  EXPECT_EQ(result.ids, Ids(expected.begin(), stop + 1));
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
}

TEST_F(GeneratorTest, CancellingStopsAtTheNextToken) {
  Generator g = generator({.prefill_chunk = 1});
  std::atomic<bool> cancel = false;
  auto after_three = [&, seen = 0](int32_t, std::string_view) mutable { cancel = ++seen == 3; };
  GenerationResult result = g.generate(greedy({3, 1, 4}, 10), after_three, &cancel);
  EXPECT_EQ(result.ids, without_cache({3, 1, 4}, 3));
  EXPECT_EQ(result.finish_reason, FinishReason::kCancelled);

  result = g.generate(greedy({5, 5, 5}, 10), {}, &cancel);  // set before it begins
  EXPECT_TRUE(result.ids.empty());
  EXPECT_EQ(result.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(g.generate(greedy({5, 5, 5}, 4)).ids, without_cache({5, 5, 5}, 4));
}

TEST_F(GeneratorTest, TheSeedDecides) {
  GenerationRequest request{.prompt = {3, 1, 4}, .sampling = {.seed = 1}, .max_new_tokens = 20};
  Ids first = generator().generate(request).ids;
  Generator g = generator();
  g.generate(greedy({3, 1}, 4));  // what went before does not matter
  EXPECT_EQ(g.generate(request).ids, first);
  request.sampling.seed = 2;
  EXPECT_NE(g.generate(request).ids, first);
}

TEST_F(GeneratorTest, StreamedTextIsTheDecodedText) {
  auto tokenizer = testing::byte_tokenizer();
  Generator g = generator({}, tokenizer.get());
  GenerationRequest request{.prompt = {'a'}, .sampling = {.seed = 3}, .max_new_tokens = 60};
  std::string streamed;
  Ids seen;
  GenerationResult result = g.generate(request, [&](int32_t id, std::string_view text) {
    seen.push_back(id);
    streamed += text;
  });
  EXPECT_EQ(seen, result.ids);
  EXPECT_EQ(streamed, result.text);
  EXPECT_EQ(streamed, tokenizer->decode(result.ids, true));
  EXPECT_EQ(result.timings.new_tokens, 60);
}

}  // namespace
}  // namespace slm
