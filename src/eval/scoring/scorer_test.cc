#include "eval/scoring/scorer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "eval/scoring/prefix_tree.h"
#include "generate/tiny_model.h"
#include "model/load.h"
#include "model/model_fixtures.h"

namespace slm {
namespace {

using testing::random_parameters;
using testing::tiny_spec;

// Documents of some tokens, each with choices: a common header, contexts, endings of 1 to 7 tokens,
// and passages that are the beginning of others.
std::vector<Passage> documents(int64_t vocab, size_t count) {
  std::mt19937 random(5);
  auto tokens = [&](size_t n) {
    std::vector<int32_t> ids(n);
    for (int32_t& id : ids) id = int32_t(random() % size_t(vocab));
    return ids;
  };
  std::vector<Passage> passages;
  std::vector<int32_t> header = tokens(5);
  for (size_t d = 0; d < count; ++d) {
    std::vector<int32_t> context = tokens(3 + d % 9);
    if (d % 2) context.insert(context.begin(), header.begin(), header.end());
    for (size_t choice = 0; choice < 4; ++choice) {
      std::vector<int32_t> ending = tokens(1 + (d + choice) % 7), all = context;
      all.insert(all.end(), ending.begin(), ending.end());
      passages.push_back({{all.begin(), all.end() - 1}, ending});
    }
    passages.push_back({context, {int32_t(d) % 7}});
  }
  passages.push_back(passages.front());
  return passages;
}

// What the definition says: the whole text alone, a softmax over its whole row of logits.
PassageScore by_definition(const Decoder& decoder, Backend& backend, const Passage& p) {
  Context cx{backend};
  Tensor hidden = decoder.hidden(cx, TokenBatch::pack({&p.input, 1}));
  Tensor logits = to_dtype(decoder.logits(cx, hidden), DType::kF32);
  PassageScore score;
  for (size_t i = 0; i < p.targets.size(); ++i) {
    auto row = logits.rows(p.first_scored() + int64_t(i), p.first_scored() + int64_t(i) + 1)
                   .span<const float>();
    double sum = 0;
    for (float x : row) sum += std::exp(double(x));
    score.log_likelihood += double(row[size_t(p.targets[i])]) - std::log(sum);
    score.greedy &= std::ranges::max_element(row) - row.begin() == p.targets[i];
  }
  return score;
}

DecoderSpec spec_with(Positions positions, int64_t window) {
  DecoderSpec spec = tiny_spec(60, 24);
  spec.positions = positions;
  spec.window = window;
  return spec;
}

std::string spec_name(const ::testing::TestParamInfo<DecoderSpec>& test) {
  static constexpr const char* kNames[] = {"Rotary", "Alibi", "Learned"};
  return kNames[size_t(test.param.positions)] + std::string(test.param.window ? "Window" : "");
}

class ScorerSpecs : public ::testing::TestWithParam<DecoderSpec> {};

TEST_P(ScorerSpecs, AgreesWithTheDefinition) {
  Parameters parameters = random_parameters(GetParam());
  Decoder decoder(GetParam(), parameters);
  auto backend = make_reference_backend();
  std::vector<Passage> passages = documents(GetParam().vocab, 6);
  std::vector<PassageScore> scores = Scorer(decoder, *backend).score(passages, {.tokens = 100});
  for (size_t i = 0; i < passages.size(); ++i) {
    PassageScore expected = by_definition(decoder, *backend, passages[i]);
    // sums of up to 7 losses of at most 40, each an f32 of logits computed in f32 from double sums
    EXPECT_NEAR(scores[i].log_likelihood, expected.log_likelihood, 7 * 40 * 0x1p-20) << i;
    EXPECT_EQ(scores[i].greedy, expected.greedy) << i;
  }
}

TEST_P(ScorerSpecs, BitEqualForAnyBatchOrderAndThreads) {
  Parameters parameters = random_parameters(GetParam());
  Decoder decoder(GetParam(), parameters);
  std::vector<Passage> passages = documents(GetParam().vocab, 12);
  auto one = make_cpu_backend({.threads = 1});
  std::vector<PassageScore> expected = Scorer(decoder, *one).score(passages, {.tokens = 100000});
  for (int threads : {1, 2})
    for (BatchLimits limits : {BatchLimits{1}, BatchLimits{130}, BatchLimits{100000, 3}}) {
      auto backend = make_cpu_backend({.threads = threads});
      std::vector<size_t> order(passages.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), std::mt19937(7));
      std::vector<Passage> shuffled;
      for (size_t i : order) shuffled.push_back(passages[i]);
      std::vector<PassageScore> scores = Scorer(decoder, *backend).score(shuffled, limits);
      for (size_t i = 0; i < order.size(); ++i) ASSERT_EQ(scores[i], expected[order[i]]) << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Positions, ScorerSpecs,
                         ::testing::Values(spec_with(Positions::kRotary, 0),
                                           spec_with(Positions::kRotary, 4),
                                           spec_with(Positions::kAlibi, 0),
                                           spec_with(Positions::kLearned, 0)),
                         spec_name);

// Odd widths leave incomplete registers and tiles at the end of every row.
TEST(Scorer, BitEqualForOddWidthsAndStoredTypes) {
  DecoderSpec spec = tiny_spec(61, 32);
  spec.mlp_width = 75;
  spec.logit_scale = 0.3f;
  std::vector<Passage> passages = documents(spec.vocab, 9);
  for (auto [type, isa] : {std::pair{DType::kF32, ""},
                           {DType::kF32, "portable"},
                           {DType::kBF16, ""},
                           {DType::kQ8_0, ""}}) {
    auto backend = make_cpu_backend({.threads = 2, .isa = isa});
    Parameters parameters;
    Parameters plain = random_parameters(spec);
    for (const Parameter& p : plain.items()) {
      bool fits = p.value.shape().rank() == 2 && p.value.dim(1) % 32 == 0;
      parameters.add(p.spec, fits ? to_dtype(p.value, type) : p.value);
    }
    Decoder decoder(spec, parameters);
    Scorer scorer(decoder, *backend);
    EXPECT_EQ(scorer.score(passages, {.tokens = 1}), scorer.score(passages, {.tokens = 5000}));
  }
}

// One checkpoint at least for every axis of a decoder.
TEST(Scorer, EveryFamily) {
  auto backend = make_cpu_backend({.threads = 1});
  for (const auto& checkpoint : testing::project_checkpoints()) {
    SCOPED_TRACE(checkpoint.string());
    Model model = load_model(checkpoint, {.dtype = DType::kF32});
    Decoder decoder = model.decoder();
    std::vector<Passage> passages = documents(decoder.spec().vocab, 2);
    Scorer scorer(decoder, *backend);
    std::vector<PassageScore> scores = scorer.score(passages, {.tokens = 1000});
    EXPECT_EQ(scores, scorer.score(passages, {.tokens = 1}));
    for (size_t i = 0; i < passages.size(); ++i)
      EXPECT_NEAR(scores[i].log_likelihood,
                  by_definition(decoder, *backend, passages[i]).log_likelihood, 7 * 40 * 0x1p-20);
  }
}

// With a rotation that depends on the length of the text, long texts share nothing.
TEST(Scorer, LengthDependentRotation) {
  DecoderSpec spec = tiny_spec(60, 24);
  spec.rope.ntk_length = 8;
  Parameters parameters = random_parameters(spec);
  Decoder decoder(spec, parameters);
  auto backend = make_reference_backend();
  std::vector<Passage> passages = documents(spec.vocab, 6);
  std::vector<PassageScore> scores = Scorer(decoder, *backend).score(passages, {.tokens = 5000});
  for (size_t i = 0; i < passages.size(); ++i)
    EXPECT_NEAR(scores[i].log_likelihood,
                by_definition(decoder, *backend, passages[i]).log_likelihood, 7 * 40 * 0x1p-20);
}

TEST(Scorer, RefusesTokensOfAnotherVocabulary) {
  DecoderSpec spec = tiny_spec(20);
  Parameters parameters = random_parameters(spec);
  Decoder decoder(spec, parameters);
  auto backend = make_reference_backend();
  std::vector<Passage> passages{{{1, 20}, {3}}};
  EXPECT_THROW(Scorer(decoder, *backend).score(passages, {}), Error);
}

std::vector<const Passage*> pointers(const std::vector<Passage>& passages) {
  std::vector<const Passage*> all;
  for (const Passage& p : passages) all.push_back(&p);
  return all;
}

TEST(PrefixTree, CommonBeginningsAreOneRow) {
  std::vector<Passage> passages{
      {{1, 2}, {3}}, {{1, 2, 3, 4}, {4, 5}}, {{1, 2, 3, 5}, {6}}, {{7}, {8}}};
  auto all = pointers(passages);
  PrefixTree tree(all);
  EXPECT_EQ(tree.tokens(), 6);  // 1 2, 3, 4, 5, 7
  EXPECT_EQ(tree.batch().tokens(), TokenBatch::kSteadyTokens);
  EXPECT_EQ(tree.scored_rows(0), (std::vector<int64_t>{1}));
  EXPECT_EQ(tree.scored_rows(1), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(tree.scored_rows(2), (std::vector<int64_t>{4}));
  EXPECT_EQ(tree.scored_rows(3), (std::vector<int64_t>{5}));
  EXPECT_EQ(PrefixTree(all, 3).tokens(), 2 + 4 + 4 + 1);  // the long ones alone
}

TEST(PlanBatches, CutsWhereLittleIsShared) {
  std::vector<Passage> passages;
  for (int32_t d = 0; d < 4; ++d)
    for (int32_t c = 0; c < 3; ++c) passages.push_back({{d, d, d, d, c, c, c}, {1}});
  auto all = pointers(passages);  // 13 tokens per group of three
  auto batches = plan_batches(all, {.tokens = 30});
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0].end, 6u);
  EXPECT_EQ(batches[0].tokens, 26);
  batches = plan_batches(all, {.tokens = 1});  // each passage is too long for any limit
  EXPECT_EQ(batches.size(), passages.size());
  batches = plan_batches(all, {.tokens = 1000, .texts = 5});
  EXPECT_EQ(batches[0].end, 5u);
}

}  // namespace
}  // namespace slm
