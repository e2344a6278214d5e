#include "generate/batch_generator.h"

#include <gtest/gtest.h>

#include "generate/prompt_lookup.h"
#include "generate/tiny_model.h"
#include "util/error.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

class BatchTest : public ::testing::Test {
 protected:
  // Of every kind: greedy and sampled, short and long, with a common beginning and without.
  static std::vector<GenerationRequest> requests() {
    std::vector<GenerationRequest> list;
    for (int i = 0; i < 9; ++i) {
      GenerationRequest r{.sampling = {.temperature = i % 3 ? 0.8 : 0, .seed = 7},
                          .max_new_tokens = 3 + 5 * (i % 4),
                          .stream = uint64_t(i)};
      for (int k = 0; k < 20 * (i % 2); ++k) r.prompt.push_back(k % 13);
      for (int k = 0; k <= i; ++k) r.prompt.push_back(100 + i + 3 * k);
      list.push_back(r);
    }
    return list;
  }
  Ids alone(const GenerationRequest& request) {
    return Generator(decoder_, *backend_, nullptr, {}).generate(request).ids;
  }
  static std::vector<GenerationResult> together(BatchGenerator& batch,
                                                const std::vector<GenerationRequest>& requests) {
    int64_t first = -1;
    for (const GenerationRequest& r : requests) {
      int64_t number = batch.add(r);
      if (first < 0) first = number;
    }
    std::vector<GenerationResult> results(requests.size());
    for (bool more = true; more;) {
      more = batch.step();
      for (auto& end : batch.take_finished())
        results[size_t(end.number - first)] = std::move(end.result);
    }
    return results;
  }

  DecoderSpec spec_ = testing::tiny_spec(259);
  Parameters parameters_ = testing::random_parameters(spec_);
  Decoder decoder_{spec_, parameters_};
  std::unique_ptr<Backend> backend_ = make_reference_backend();
};

TEST_F(BatchTest, EachIsAsItWouldBeAlone) {
  std::vector<GenerationRequest> list = requests();
  for (int64_t slots : {1, 2, 8})
    for (int64_t pass : {1, 7, 512}) {
      BatchGenerator batch(decoder_, *backend_, nullptr, {.slots = slots, .pass_tokens = pass});
      for (int round = 0; round < 2; ++round) {  // again, with what the cache holds by then
        std::vector<GenerationResult> results = together(batch, list);
        for (size_t i = 0; i < list.size(); ++i) {
          EXPECT_EQ(results[i].ids, alone(list[i])) << i << ", " << slots << " slots";
          EXPECT_EQ(results[i].timings.new_tokens, std::ssize(results[i].ids));
        }
      }
    }
}

TEST_F(BatchTest, ProposalsDoNotChangeIt) {
  std::vector<GenerationRequest> list = requests();
  SpeculationOptions lookup{[] { return std::make_unique<PromptLookup>(); }, 4};
  BatchGenerator batch(decoder_, *backend_, nullptr, {.slots = 4, .speculation = lookup});
  std::vector<GenerationResult> results = together(batch, list);
  for (size_t i = 0; i < list.size(); ++i) EXPECT_EQ(results[i].ids, alone(list[i])) << i;
}

TEST_F(BatchTest, ACommonBeginningIsReadOnce) {
  Ids common;
  for (int i = 0; i < 30; ++i) common.push_back(i * 7 % 259);
  std::vector<GenerationRequest> list;
  for (int i = 0; i < 5; ++i) {
    list.push_back({.prompt = common, .sampling = {.temperature = 0}, .max_new_tokens = 6});
    list.back().prompt.push_back(200 + i);
  }
  BatchGenerator batch(decoder_, *backend_, nullptr, {.slots = 3});
  std::vector<GenerationResult> results = together(batch, list);
  for (size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(results[i].ids, alone(list[i])) << i;
    EXPECT_EQ(results[i].timings.reused_tokens, i == 0 ? 0 : 30) << i;
  }
}

TEST_F(BatchTest, SteadyTextsDoNotDependOnTheirCompany) {
  auto cpu = make_cpu_backend({.threads = 2});
  std::vector<GenerationRequest> list = requests();
  for (GenerationRequest& r : list) r.sampling.temperature = 1;  // every bit counts
  std::vector<Ids> first;
  for (int64_t slots : {1, 3, 9}) {
    BatchGenerator batch(decoder_, *cpu, nullptr,
                         {.slots = slots, .pass_tokens = 20 * slots, .steady = true});
    std::vector<GenerationResult> results = together(batch, list);
    for (size_t i = 0; i < list.size(); ++i) {
      if (slots == 1) first.push_back(results[i].ids);
      EXPECT_EQ(results[i].ids, first[i]) << i << ", " << slots << " slots";
    }
  }
}

TEST_F(BatchTest, TheListenerMayEndATextAndTextIsStreamed) {
  auto tokenizer = testing::byte_tokenizer();
  BatchGenerator batch(decoder_, *backend_, tokenizer.get(), {.slots = 2});
  int tokens = 0;
  std::string streamed;
  GenerationRequest request{.prompt = {'a', 'b'}, .sampling = {.seed = 3}, .max_new_tokens = 20};
  batch.add(request, [&](int32_t, std::string_view text) {
    streamed += text;
    return ++tokens < 4;
  });
  while (batch.step()) {
  }
  auto ended = batch.take_finished();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].result.ids.size(), 4u);
  EXPECT_EQ(ended[0].result.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(ended[0].result.text, streamed);
}

TEST_F(BatchTest, CancellingEndsAll) {
  BatchGenerator batch(decoder_, *backend_, nullptr, {.slots = 2});
  for (int i = 0; i < 3; ++i) batch.add({.prompt = {1, 2}, .max_new_tokens = 20});
  batch.step();
  batch.step();
  batch.cancel();
  auto ended = batch.take_finished();
  ASSERT_EQ(ended.size(), 3u);
  for (const auto& end : ended)
    EXPECT_EQ(end.result.finish_reason, FinishReason::kCancelled) << end.number;
  EXPECT_FALSE(batch.step());
}

TEST_F(BatchTest, RefusesWhatTheGeneratorRefuses) {
  BatchGenerator batch(decoder_, *backend_, nullptr, {.slots = 2, .context = 8});
  EXPECT_THROW(batch.add({.prompt = Ids(8, 1)}), Error);
  EXPECT_THROW(batch.add({.prompt = {}}), Error);
  EXPECT_THROW(batch.add({.prompt = {1, 999}}), Error);
  batch.add({.prompt = {1}, .max_new_tokens = 0});
  EXPECT_FALSE(batch.step());
  EXPECT_EQ(batch.take_finished().size(), 1u);
  EXPECT_EQ(together(batch, {{.prompt = Ids(6, 1), .max_new_tokens = 9}})[0].ids.size(), 2u);
}

}  // namespace
}  // namespace slm
