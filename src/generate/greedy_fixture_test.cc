// Greedy continuations that the reference implementations computed without a cache, met with one.
#include <gtest/gtest.h>

#include "format/safetensors.h"
#include "generate/generator.h"
#include "model/load.h"
#include "support/test_data.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

Ids row(const Tensor& matrix, int64_t r) {
  Tensor one = matrix.rows(r, r + 1);
  auto values = one.span<const int64_t>();
  return {values.begin(), values.end()};
}

class GreedyFixture : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(GreedyFixture, MatchesWithTheCache) {
  auto [name, backend_name] = GetParam();
  std::filesystem::path directory = testing::fixture(name);  // some are part of the project
  if (!std::filesystem::exists(directory)) {
    SLM_REQUIRE_EXTERNAL(std::filesystem::path("fixtures") / name);
    directory = testing::external_data(std::filesystem::path("fixtures") / name);
  }
  Model model = load_model(directory);
  TensorFiles expected = open_safetensors(directory / "expected.safetensors");
  Tensor prompts = expected.load("gen_prompt"), continued = expected.load("gen_ids");

  Decoder decoder = model.decoder();
  std::unique_ptr<Backend> backend = make_backend(backend_name);
  Generator generator(decoder, *backend, nullptr, {.context = 256, .prefill_chunk = 3});
  for (int64_t r = 0; r < prompts.dim(0); ++r) {
    Ids prompt = row(prompts, r), all = row(continued, r);
    GenerationResult result = generator.generate(
        {.prompt = prompt, .sampling = {.temperature = 0}, .max_new_tokens = 20});
    ASSERT_EQ(all.size(), prompt.size() + 20);
    EXPECT_EQ(result.ids, Ids(all.begin() + int64_t(prompt.size()), all.end())) << "row " << r;
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllFamilies, GreedyFixture,
    ::testing::Combine(::testing::Values("gpt_neox-v1-parallel", "gpt_neox-sequential",
                                         "gpt_neox-full-rotary-bin", "stablelm-3b",
                                         "stablelm-3b-bf16", "stablelm-3b-sharded",
                                         "stablelm-2-1_6b-qkvbias",
                                         "stablelm-2-12b-qkln-parallel-gqa",
                                         "stablelm-gqa-bias-full-rotary", "stablelm_epoch-legacy",
                                         "stablelm_alpha-v2", "llama-vicuna", "llama-gqa"),
                       ::testing::Values("reference", "cpu")));

}  // namespace
}  // namespace slm
