#include "model/layer_fit.h"

#include <gtest/gtest.h>

#include "model/model_fixtures.h"
#include "model/sizes.h"

namespace slm::testing {
namespace {

bool same(const LayerFit& a, const LayerFit& b) {
  return a.blocks == b.blocks && a.whole == b.whole;
}

TEST(LayerFit, AsManyOfTheLastLayersAsThereIsRoomFor) {
  LayerBytes bytes{.blocks = {30, 10, 20}, .before = 7, .after = 5, .work = 100};
  struct {
    int64_t free;
    LayerFit expected;
  } cases[] = {
      {1 << 20, {3, true}}, {172, {3, true}},   // all of it, exactly
      {171, {3, false}},    {165, {3, false}},  // all but the embedding
      {164, {2, false}},    {135, {2, false}}, {134, {1, false}},
      {125, {1, false}},    {124, {0, false}}, {0, {0, false}},
  };
  for (const auto& c : cases)
    EXPECT_TRUE(same(layers_that_fit(bytes, c.free), c.expected)) << c.free;
}

// A small layer below one that does not fit is no use: the states would cross twice.
TEST(LayerFit, LayersAreInOnePiece) {
  LayerBytes bytes{.blocks = {1, 50, 10}, .before = 0, .after = 0, .work = 0};
  EXPECT_TRUE(same(layers_that_fit(bytes, 20), {1, false}));
}

TEST(LayerFit, EveryByteIsCountedOnce) {
  for (const auto& directory : project_checkpoints()) {
    SCOPED_TRACE(directory.filename());
    for (std::optional<DType> dtype : {std::optional<DType>{}, std::optional(DType::kBF16)}) {
      Model model = load_model(directory, {.dtype = dtype});
      const DecoderSpec& spec = model.config.spec;
      LayerBytes none = layer_bytes(Checkpoint(directory), dtype, {.texts = 0});
      int64_t sum = none.before + none.after;
      for (int64_t block : none.blocks) sum += block;
      const Tensor& head = model.parameters.at(spec.tied_head ? "embed.weight" : "head.weight");
      EXPECT_EQ(sum, model.parameters.bytes() + (spec.normalized_head ? head.bytes() : 0));

      LayerBytes two = layer_bytes(Checkpoint(directory), dtype,
                                   {.texts = 2, .context = 16, .cache = DType::kF16, .other = 9});
      EXPECT_EQ((two.blocks[0] - none.blocks[0]) * spec.layers, cache_bytes(spec, 2 * 16));
      EXPECT_EQ(two.work - none.work, 9);
      LayerBytes rows = layer_bytes(Checkpoint(directory), dtype, {.texts = 0, .logit_rows = 65});
      EXPECT_EQ(rows.work - none.work, bytes_of(DType::kF32, spec.vocab));
      LayerBytes longest = layer_bytes(Checkpoint(directory), dtype,
                                       {.texts = 1, .longest = 3, .cache = DType::kF16});
      EXPECT_EQ((longest.blocks[0] - none.blocks[0]) * spec.layers, cache_bytes(spec, 3));
    }
  }
}

}  // namespace
}  // namespace slm::testing
