#include "model/sizes.h"

#include <gtest/gtest.h>

#include "support/test_data.h"

namespace slm::testing {
namespace {

struct Known {
  const char* config;
  int64_t count;
  int64_t published = 0;  // 0: the same
};

// Counts of the files on the hub and of the StableLM README.
constexpr Known kKnown[] = {
    {"stablelm-base-alpha-3b", 3637321728, 3638525952},
    {"stablelm-base-alpha-7b", 7868755968, 7869358080},
    {"stablelm-base-alpha-3b-v2", 2795934720, 2796431360},
    {"stablelm-base-alpha-7b-v2", 6889414656, 6890209280},
    {"stablelm-3b-4e1t", 2795443200},
    {"stablelm-3b-4e1t-epoch", 2795443200},
    {"stable-code-3b", 2795443200},
    {"stablelm-2-1_6b", 1644515328},
    {"stablelm-2-12b", 12143185920},
    {"stable-vicuna-13b", 13015874560},
    {"llama-13b", 13015864320},
};

ModelConfig config_of(const char* name) {
  return read_model_config(fixture("configs") / format("{}.json", name));
}

TEST(Sizes, CountParametersOfThePublishedModels) {
  for (const Known& known : kKnown) {
    SCOPED_TRACE(known.config);
    ModelConfig config = config_of(known.config);
    EXPECT_EQ(parameter_count(config.spec), known.count);
    auto published = published_count(config);
    EXPECT_EQ(published ? published->count : 0, known.published);
  }
}

TEST(Sizes, OfWeightsCachesAndTraining) {
  DecoderSpec spec = config_of("stablelm-2-12b").spec;
  int64_t norms = 40 * (2 * 5120 + (32 + 8) * 160) + 2 * 5120;
  EXPECT_EQ(weight_bytes(spec, DType::kF32), 4 * 12143185920);
  EXPECT_EQ(weight_bytes(spec, DType::kBF16), 2 * (12143185920 - norms) + 4 * norms);
  EXPECT_EQ(cache_bytes(spec, 4096), int64_t{4096} * 40 * 2 * 8 * 160 * 4);
  EXPECT_EQ(training_state_bytes(spec), 16 * 12143185920);
}

TEST(Sizes, OfTheLargestModelAcceptedDoNotOverflow) {
  DecoderSpec spec{.vocab = kMaxVocab,
                   .width = kMaxWidth,
                   .layers = kMaxLayers,
                   .heads = 1024,
                   .kv_heads = 1024,
                   .head_size = 1024,
                   .mlp_width = kMaxWidth,
                   .max_positions = kMaxPositions};
  spec.rope.dims = 1024;
  validate(spec);
  EXPECT_GT(training_state_bytes(spec), weight_bytes(spec, DType::kF32));
  EXPECT_THROW(cache_bytes(spec, kMaxPositions), Error);
}

TEST(Sizes, LeaveOtherModelsOfTheSameFamiliesAlone) {
  ModelConfig config = config_of("stablelm-base-alpha-3b");
  config.spec.layers = 15;
  EXPECT_FALSE(published_count(config));
}

}  // namespace
}  // namespace slm::testing
