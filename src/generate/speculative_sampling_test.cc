#include "generate/speculative_sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "generate/draft_model.h"
#include "generate/generator.h"
#include "generate/tiny_model.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

// Every proposal that has a probability, and every cell of a grid of random numbers so fine that
// all borders of the two distributions lie on it: the exact distribution of what comes out.
TEST(SpeculativeSampling, EveryCaseTogetherIsTheTarget) {
  constexpr int kGrid = 8;
  const std::vector<Candidate> p{{1, 1. / 8}, {2, 3. / 8}, {5, 4. / 8}};
  const std::vector<Candidate> q{{1, 4. / 8}, {2, 1. / 8}, {3, 1. / 8}, {5, 2. / 8}};
  std::map<int32_t, double> out;
  for (const Candidate& proposed : q)
    for (int a = 0; a < kGrid; ++a)
      for (int r = 0; r < kGrid; ++r) {
        int32_t id = accept_or_replace(p, {proposed.id, q}, (a + 0.5) / kGrid, (r + 0.5) / kGrid);
        out[id] += proposed.probability / (kGrid * kGrid);
      }
  EXPECT_EQ(out.size(), p.size());
  for (const Candidate& c : p) EXPECT_DOUBLE_EQ(out[c.id], c.probability) << c.id;
}

TEST(SpeculativeSampling, WhatIsAlikeIsAlwaysAccepted) {
  const std::vector<Candidate> p{{1, 0.25}, {2, 0.75}};
  for (double accept : {0.0, 0.5, 0.999999})
    for (int32_t id : {1, 2}) EXPECT_EQ(accept_or_replace(p, {id, p}, accept, 0.1), id);
  EXPECT_EQ(accept_or_replace(p, {7, {{7, 1.0}}}, 0, 0.1), 1);  // impossible for the target
  EXPECT_EQ(accept_or_replace(p, {7, {{7, 1.0}}}, 0, 0.9), 2);
}

// A large model and a small one, of a vocabulary small enough to list every text of four tokens.
class SpeculationTest : public ::testing::Test {
 protected:
  static constexpr int64_t kVocab = 4, kLength = 4;
  static Parameters parameters(const DecoderSpec& spec, uint64_t seed) {
    Parameters result;
    for (const ParameterSpec& p : parameter_specs(spec)) {
      Rng rng(seed, hash_name(p.name));
      Tensor value = Tensor::host(p.shape, DType::kF32);
      for (float& x : value.span<float>()) x = float(0.3 * rng.normal());
      result.add(p, value);
    }
    return result;
  }
  SpeculationOptions drafts(int64_t most) {
    return {
        [this] { return std::make_unique<DraftModel>(small_, *backend_, large_.spec(), 0.01, 64); },
        most};
  }

  // What the target gives a text that goes on from `ids`, by its own filtered distributions.
  void add_probabilities(const Ids& ids, double probability, std::map<Ids, double>& out) {
    if (ids.size() == 1 + kLength) {
      out[ids] = probability;
      return;
    }
    Context cx{*backend_};
    Tensor hidden = large_.hidden(cx, TokenBatch::pack({{ids}}));
    Tensor logits = large_.logits(cx, hidden.rows(hidden.dim(0) - 1, hidden.dim(0)));
    Sampler sampler(kSampling, kVocab);
    auto next = sampler.distribution(logits.span<const float>(), ids, 1);
    for (const Candidate& c : std::vector<Candidate>(next.begin(), next.end())) {
      Ids longer = ids;
      longer.push_back(c.id);
      add_probabilities(longer, probability * c.probability, out);
    }
  }

  static constexpr SamplingOptions kSampling{.temperature = 1.3, .top_p = 0.95};
  DecoderSpec spec_ = testing::tiny_spec(kVocab), small_spec_ = testing::tiny_spec(kVocab, 8);
  Parameters large_parameters_ = parameters(spec_, 1),
             small_parameters_ = parameters(small_spec_, 2);
  Decoder large_{spec_, large_parameters_}, small_{small_spec_, small_parameters_};
  std::unique_ptr<Backend> backend_ = make_reference_backend();
};

// Chi-square over the listed texts; the limit is that of a chance of about 1 in 10,000 for that
// many degrees of freedom (Wilson and Hilferty, 1931).
TEST_F(SpeculationTest, SampledTextsAreDistributedAsTheModelSays) {
  constexpr int kTexts = 3000;
  std::map<Ids, double> expected;
  add_probabilities({1}, 1, expected);
  Generator generator(large_, *backend_, nullptr, {.context = 8, .speculation = drafts(2)});
  std::map<Ids, int> counts;
  int64_t accepted = 0, proposed = 0;
  for (uint64_t seed = 0; seed < kTexts; ++seed) {
    SamplingOptions sampling = kSampling;
    sampling.seed = seed;
    auto result =
        generator.generate({.prompt = {1}, .sampling = sampling, .max_new_tokens = kLength});
    Ids ids{1};
    ids.insert(ids.end(), result.ids.begin(), result.ids.end());
    ++counts[ids];
    accepted += result.timings.accepted_tokens, proposed += result.timings.proposed_tokens;
  }
  double statistic = 0, rare = 0;
  int seen = 0, seen_rare = 0, cells = 0;
  auto compare = [&](double mean, double count) {
    statistic += (count - mean) * (count - mean) / mean;
    ++cells;
  };
  for (const auto& [ids, probability] : expected) {
    double mean = kTexts * probability;
    seen += counts[ids];
    if (mean >= 5)
      compare(mean, counts[ids]);
    else
      rare += mean, seen_rare += counts[ids];
  }
  if (rare > 0) compare(rare, seen_rare);
  double n = cells - 1, z = 3.72;
  double limit = n * std::pow(1 - 2 / (9 * n) + z * std::sqrt(2 / (9 * n)), 3);
  EXPECT_EQ(seen, kTexts) << "a text that the filters exclude";
  EXPECT_LT(statistic, limit);
  EXPECT_GT(accepted, proposed / 10);
  EXPECT_LT(accepted, proposed * 9 / 10) << "the two models are too much alike for this test";
}

TEST_F(SpeculationTest, GreedyTextsAreTheSame) {
  GenerationRequest request{.prompt = {1, 2}, .sampling = {.temperature = 0}, .max_new_tokens = 40};
  Ids plain = Generator(large_, *backend_, nullptr, {}).generate(request).ids;
  for (int64_t most : {1, 3, 8}) {
    Generator generator(large_, *backend_, nullptr, {.speculation = drafts(most)});
    EXPECT_EQ(generator.generate(request).ids, plain) << most;
    EXPECT_EQ(generator.generate(request).ids, plain) << "again, " << most;
  }
}

TEST_F(SpeculationTest, TheSeedDecidesAndADraftThatIsTheModelIsAlwaysRight) {
  SpeculationOptions same{
      [&] { return std::make_unique<DraftModel>(large_, *backend_, large_.spec(), 0.01, 64); }, 4};
  GenerationRequest request{.prompt = {1, 2}, .sampling = {.seed = 5}, .max_new_tokens = 30};
  Generator generator(large_, *backend_, nullptr, {.speculation = same});
  GenerationResult first = generator.generate(request);
  EXPECT_EQ(first.timings.accepted_tokens, first.timings.proposed_tokens);
  EXPECT_GT(first.timings.proposed_tokens, 15);
  EXPECT_EQ(generator.generate(request).ids, first.ids);
}

TEST_F(SpeculationTest, RefusesAnotherVocabulary) {
  DecoderSpec other = testing::tiny_spec(kVocab + 1);
  EXPECT_THROW(DraftModel(small_, *backend_, other, 0.1, 64), Error);
}

}  // namespace
}  // namespace slm
