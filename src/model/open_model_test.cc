#include "model/open_model.h"

#include <gtest/gtest.h>

#include <numeric>

#include "model/model_fixtures.h"
#include "support/far_backend.h"
#include "support/op_test.h"

namespace slm::testing {
namespace {

const BackendOptions kExact{.threads = 1, .isa = {}, .exact = true};

std::filesystem::path model() { return fixture("stablelm-3b-sharded"); }

// On a device with so much memory.
OpenModel open_with(int64_t free, std::optional<int64_t> layers = {}) {
  return open_model(std::make_unique<FarBackend>(make_cpu_backend(kExact), free), model(),
                    {.backend_options = kExact, .device_layers = layers});
}

std::vector<float> logits(const OpenModel& opened) {
  Context cx{*opened.backend};
  Decoder decoder = opened.model.decoder();
  Tensor hidden = decoder.hidden(cx, TokenBatch::pack({{std::vector<int32_t>{1, 5, 2, 9}}}));
  Tensor found = to_host(*opened.backend, decoder.logits(cx, hidden));
  return {found.span<float>().begin(), found.span<float>().end()};
}

TEST(OpenModel, PutsOnTheDeviceWhatFits) {
  LayerBytes bytes = layer_bytes(Checkpoint(model()), {}, {});
  int64_t layers = std::ssize(bytes.blocks), least = bytes.after + bytes.work;
  int64_t all = std::accumulate(bytes.blocks.begin(), bytes.blocks.end(), least);
  OpenModel whole = open_with(all + bytes.before);
  EXPECT_FALSE(whole.model.placement.host);
  EXPECT_EQ(whole.note, "");
  std::vector<float> expected = logits(whole);

  OpenModel blocks = open_with(all + bytes.before - 1);
  EXPECT_TRUE(blocks.model.placement.host);
  EXPECT_EQ(blocks.model.placement.host_layers, 0);
  EXPECT_EQ(blocks.note, "");
  EXPECT_EQ(logits(blocks), expected);

  OpenModel one = open_with(least + bytes.blocks.back());
  EXPECT_EQ(one.model.placement.host_layers, layers - 1);
  EXPECT_EQ(one.model.parameters.at("embed.weight").device(), Device::kHost);
  EXPECT_EQ(one.model.parameters.at("blocks.0.attn.q.weight").device(), Device::kHost);
  EXPECT_EQ(one.model.parameters.at("final_norm.weight").device(), Device::kCuda);
  EXPECT_EQ(one.note.find(format("1 of {} layers on ", layers)), 0u) << one.note;
  EXPECT_EQ(logits(one), expected);

  OpenModel none = open_with(least + bytes.blocks.back() - 1);
  EXPECT_EQ(none.backend->device(), Device::kHost);
  EXPECT_FALSE(none.model.placement.host);
  EXPECT_EQ(none.note.find("no layer fits on "), 0u) << none.note;
  EXPECT_EQ(logits(none), expected);
}

TEST(OpenModel, DoesWhatItIsToldWhateverFits) {
  int64_t layers = read_model_config(model()).spec.layers;
  EXPECT_EQ(open_with(0, 1).model.placement.host_layers, layers - 1);
  for (int64_t many : {layers, layers + 7}) {
    OpenModel opened = open_with(0, many);
    EXPECT_EQ(opened.backend->device(), Device::kCuda);
    EXPECT_FALSE(opened.model.placement.host);
  }
  OpenModel none = open_with(int64_t{1} << 33, 0);
  EXPECT_EQ(none.backend->device(), Device::kHost);
  EXPECT_EQ(none.note, "");
}

TEST(OpenModel, SmallModelsFitEverywhere) {
  for (const OpCase& c : every_backend()) {
    SCOPED_TRACE(c.backend);
    OpenModel opened = open_model(c.make(1), model());
    EXPECT_GT(opened.backend->free_memory(), 0);
    EXPECT_FALSE(opened.model.placement.host);
    EXPECT_EQ(opened.note, "");
  }
}

TEST(OpenModel, OnTheHostThereIsNothingToChoose) {
  OpenModel opened = open_model(model(), {.backend = "cpu", .device_layers = 1});
  EXPECT_FALSE(opened.model.placement.host);
  EXPECT_EQ(opened.note, "");
}

}  // namespace
}  // namespace slm::testing
