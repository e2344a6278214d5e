// Generation on a device whose memory the host cannot touch, and on that and the host together,
// against the same kernels on the host: every text must be the same.
#include <gtest/gtest.h>

#include "generate/batch_generator.h"
#include "generate/draft_model.h"
#include "generate/prompt_lookup.h"
#include "generate/tiny_model.h"
#include "support/far_backend.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

// A model, and one that drafts for it, in the memory of one of the two; or the model in both.
struct Desk {
  explicit Desk(std::unique_ptr<Backend> made, DType weights = DType::kF32,
                Placement placement = {})
      : backend(std::move(made)) {
    large.place(*backend, [=](const ParameterSpec& p) { return placement.on_host(p.name); });
    small.place(*backend);
    add(spec, weights, large);
    add(small_spec, weights, small);
    decoder.emplace(spec, large, placement);
    draft.emplace(small_spec, small);
  }

  static void add(const DecoderSpec& spec, DType weights, Parameters& to) {
    Parameters random = testing::random_parameters(spec);
    for (const Parameter& p : random.items()) {
      bool fits = p.value.shape().rank() == 2 && p.value.dim(1) % 32 == 0;
      to.add(p.spec, fits ? to_dtype(p.value, weights) : p.value);
    }
  }

  SpeculationOptions speculation(const std::string& how) {
    if (how == "lookup") return {[] { return std::make_unique<PromptLookup>(); }, 4};
    if (how == "draft")
      return {[this] { return std::make_unique<DraftModel>(*draft, *backend, spec, 0.01, 64); }, 3};
    return {};
  }

  DecoderSpec spec = testing::tiny_spec(61, 64), small_spec = testing::tiny_spec(61, 32);
  std::unique_ptr<Backend> backend;
  Parameters large, small;
  std::optional<Decoder> decoder, draft;
};

std::unique_ptr<Backend> near() {
  return make_cpu_backend({.threads = 1, .isa = {}, .exact = true});
}

GenerationRequest request(int i) {
  GenerationRequest r{.prompt = {3, 1, 4, 1, 5, 3, 1, 4},
                      .sampling = {.temperature = i % 2 ? 0.8 : 0, .seed = 7},
                      .max_new_tokens = 12 + i,
                      .stream = uint64_t(i)};
  for (int k = 0; k < 20; ++k) r.prompt.push_back(k * 7 % 13);
  for (int k = 0; k <= i; ++k) r.prompt.push_back(40 + i);
  return r;
}

TEST(FarGeneration, TextsAreTheSameWhateverTheCacheAndWhoeverDrafts) {
  Desk here(near()), there(testing::make_far_backend());
  Desk both(testing::make_far_backend(), DType::kF32, {near(), 1});
  for (DType cache : {DType::kF32, DType::kF16, DType::kQ8_0})
    for (const char* how : {"alone", "lookup", "draft"}) {
      auto texts = [&](Desk& desk) {
        Generator generator(
            *desk.decoder, *desk.backend, nullptr,
            {.cache_dtype = cache, .prefill_chunk = 9, .speculation = desk.speculation(how)});
        generator.warm_up();
        std::vector<Ids> ids;
        for (int i = 0; i < 2; ++i) ids.push_back(generator.generate(request(i)).ids);
        return ids;
      };
      std::vector<Ids> expected = texts(here);
      EXPECT_EQ(texts(there), expected) << traits(cache).name << " " << how;
      EXPECT_EQ(texts(both), expected) << traits(cache).name << " " << how;
    }
}

TEST(FarGeneration, SeveralTextsAtATime) {
  Desk here(near(), DType::kQ8_0), there(testing::make_far_backend(), DType::kQ8_0);
  Desk both(testing::make_far_backend(), DType::kQ8_0, {near(), 1});
  for (bool steady : {false, true}) {
    auto texts = [&](Desk& desk) {
      BatchGenerator batch(*desk.decoder, *desk.backend, nullptr,
                           {.slots = 2,
                            .cache_dtype = DType::kF16,
                            .pass_tokens = 20,
                            .steady = steady,
                            .speculation = desk.speculation(steady ? "alone" : "lookup")});
      for (int i = 0; i < 4; ++i) batch.add(request(i));
      while (batch.step()) {
      }
      std::vector<Ids> ids(4);
      for (auto& end : batch.take_finished()) ids[size_t(end.number)] = end.result.ids;
      return ids;
    };
    std::vector<Ids> expected = texts(here);
    EXPECT_EQ(texts(there), expected) << steady;
    EXPECT_EQ(texts(both), expected) << steady;
  }
}

}  // namespace
}  // namespace slm
