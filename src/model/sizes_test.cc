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
    {"llama-7b", 6738415616},
    {"llama-2-7b", 6738415616},
    {"llama-2-13b", 13015864320},
    {"open_llama_3b", 3426473600},
    {"open_llama_7b", 6738415616},
    {"open_llama_13b", 13015864320},
    {"mistral-7b", 7241732096},
    {"qwen2-0.5b", 494032768},
    {"baichuan-7b", 7000559616},
    {"baichuan2-7b", 7505973248},
    {"qwen-7b", 7721324544},
    {"falcon-7b", 6921720704},
    {"falcon-7b-first-release", 6921720704},
    {"falcon-40b-first-release", 41303293952},
    {"mpt-7b", 6649286656},
    {"phi-1_5", 1418270720},
    {"phi-1_5-mixformer", 1418270720},
    {"gpt-neox-20b", 20554567680},
    {"pythia-2.8b", 2775208960},
    {"pythia-6.9b", 6857302016},
    {"pythia-12b", 11846072320},
    {"redpajama-incite-7b", 6857302016},
    {"btlm-3b-8k", 2646255744},
    {"btlm-3b-8k-early", 2646255744},
    {"gpt-j-6b", 6050882784},
    {"opt-2.7b", 2651596800},
    {"opt-6.7b", 6658473984},
    {"bloom-3b", 3002557440},
    {"bloom-7b1", 7069016064},
    {"gpt2", 124439808},
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
  EXPECT_EQ(cache_bytes(spec, 4096), int64_t{4096} * 40 * 2 * 8 * 160 * 2);
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
