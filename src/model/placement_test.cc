// Models on two backends, against the same kernels on one. The one that stands for a GPU kills
// whoever touches its memory.
#include "model/placement.h"

#include <gtest/gtest.h>

#include "model/golden_models.h"
#include "model/model_fixtures.h"
#include "support/far_backend.h"
#include "support/op_test.h"
#include "support/refusal.h"

namespace slm::testing {
namespace {

using Ids = std::vector<int32_t>;

std::unique_ptr<Backend> near() {
  return make_cpu_backend({.threads = 1, .isa = {}, .exact = true});
}

// What every token predicts: all at once, then in two pieces with the keys of the first kept.
std::vector<Tensor> predictions(const Decoder& decoder, Backend& backend) {
  Context cx{backend};
  std::vector<Tensor> all;
  auto add = [&](const TokenBatch& batch, KvCache* cache = nullptr) {
    all.push_back(to_host(backend, decoder.logits(cx, decoder.hidden(cx, batch, cache))));
  };
  Ids ids{1, 5, 2, 9, 0, 18, 3};
  add(TokenBatch::pack({{ids, Ids{7, 4}}}));
  KvCache cache(backend, decoder.spec(), 2, 8, DType::kF16, decoder.placement());
  cache.start(1, 0, 7);
  add(TokenBatch::next(std::span(ids).first(4), 0, 1), &cache);
  add(TokenBatch::next(std::span(ids).subspan(4), 4, 1), &cache);
  return all;
}

void expect_same_wherever(const Model& model) {
  auto one = near();
  auto expected = predictions(Decoder(model.config.spec, model.parameters), *one);
  for (int64_t host_layers = 0; host_layers <= model.config.spec.layers; ++host_layers) {
    SCOPED_TRACE(host_layers);
    auto far = make_far_backend();
    Placement placement{near(), host_layers};
    Parameters parameters = model.parameters;
    parameters.place(*far, [&](const ParameterSpec& p) { return placement.on_host(p.name); });
    auto found = predictions(Decoder(model.config.spec, parameters, placement), *far);
    for (size_t i = 0; i < expected.size(); ++i) expect_same_bits("logits", expected[i], found[i]);
  }
}

TEST(Placement, LogitsAreTheSameWhereverLayersAre) {
  for (const GoldenModel& golden : golden_models()) {
    SCOPED_TRACE(golden.name);
    expect_same_wherever(load_golden(golden));
  }
  for (const auto& directory : project_checkpoints()) {
    SCOPED_TRACE(directory.filename());
    expect_same_wherever(load_model(directory));
  }
}

TEST(Placement, IsForInference) {
  auto far = make_far_backend();
  Placement placement{near(), 1};
  Model model = load_model(project_checkpoints()[0], {.memory = far.get(), .placement = placement});
  Tape tape(*far);
  Context cx{*far, &tape};
  Decoder decoder = model.decoder();
  std::string text = refusal([&] { decoder.hidden(cx, TokenBatch::pack({{Ids{1, 2}}})); });
  EXPECT_NE(text.find("is for inference"), std::string::npos) << text;
  model.parameters.make_trainable(*far);
  text = refusal([&] { model.decoder(); });
  EXPECT_NE(text.find("that learns lies on one backend"), std::string::npos) << text;
}

TEST(Placement, KnowsTheLayerOfAParameter) {
  EXPECT_EQ(layer_of("embed.weight", 12), -1);
  EXPECT_EQ(layer_of("embed_norm.bias", 12), -1);
  EXPECT_EQ(layer_of("positions.weight", 12), -1);
  EXPECT_EQ(layer_of("blocks.11.norm1.weight", 12), 11);
  EXPECT_EQ(layer_of("final_norm.weight", 12), 12);
  EXPECT_EQ(layer_of("head.bias", 12), 12);
  Placement one, two{near(), 2};
  EXPECT_FALSE(one.on_host("embed.weight"));
  EXPECT_TRUE(two.on_host("embed.weight"));
  EXPECT_TRUE(two.on_host("blocks.1.attn.q.weight"));
  EXPECT_FALSE(two.on_host("blocks.2.attn.q.weight"));
  EXPECT_FALSE(two.on_host("final_norm.weight"));
}

TEST(Placement, TheLessMemoryCounts) {
  FarBackend small(near(), 1000);
  EXPECT_EQ(free_memory(small, {}), 1000);
  EXPECT_EQ(free_memory(small, {near(), 1}), 1000);
  auto host = std::make_shared<FarBackend>(near(), 10);
  EXPECT_EQ(free_memory(small, {host, 1}), 10);
}

}  // namespace
}  // namespace slm::testing
