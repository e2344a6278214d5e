#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "model/golden_models.h"
#include "support/op_test.h"
#include "support/process.h"
#include "util/files.h"
#include "util/rng.h"

namespace slm::testing {
namespace {

// The weight rule: splitmix64 from the name's hash.
float golden_value(uint64_t seed, uint64_t index, bool gain) {
  uint64_t z = seed + index + 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return float((double(z >> 11) * 0x1p-53 - 0.5) * 0.5 + (gain ? 1 : 0));
}

constexpr GoldenModel kModels[] = {
    {"gpt_neox parallel",
     R"({"model_type": "gpt_neox", "num_attention_heads": 2, "rotary_pct": 0.5,
         "intermediate_size": 32, "hidden_act": "gelu"})",
     {0.606930, 0.529200, -0.528990, 0.325227, -0.928754, -0.686284},
     -2.947325,
     14},
    {"gpt_neox sequential",
     R"({"model_type": "gpt_neox", "num_attention_heads": 2, "rotary_pct": 0.5,
         "intermediate_size": 32, "hidden_act": "gelu", "use_parallel_residual": false})",
     {0.700144, 0.166581, -0.584553, -0.081679, -0.986024, -0.183140},
     -3.629936,
     17},
    {"stablelm_alpha",
     R"({"model_type": "stablelm_alpha", "num_heads": 2, "rotary_pct": 0.25,
         "intermediate_size": 24})",
     {-0.960675, 0.173017, 0.165627, 0.405064, 1.078426, 0.357522},
     0.670482,
     4},
    {"stablelm",
     R"({"model_type": "stablelm", "num_attention_heads": 2, "num_key_value_heads": 2,
         "partial_rotary_factor": 0.25, "intermediate_size": 24})",
     {-0.634939, 1.240703, -0.047051, 0.935636, 0.701005, 0.717430},
     4.825518,
     1},
    {"stablelm with qkv bias",
     R"({"model_type": "stablelm", "num_attention_heads": 2, "num_key_value_heads": 2,
         "partial_rotary_factor": 0.25, "intermediate_size": 24, "use_qkv_bias": true})",
     {-0.173004, 1.385454, -0.072439, 0.495696, 0.654605, 0.598714},
     5.501001,
     1},
    {"stablelm parallel with qk norm",
     R"({"model_type": "stablelm", "num_attention_heads": 4, "num_key_value_heads": 2,
         "partial_rotary_factor": 0.5, "intermediate_size": 24, "use_parallel_residual": true,
         "qk_layernorm": true})",
     {-1.073636, -0.111480, -0.134864, 0.164430, 0.024722, -0.605007},
     -0.771108,
     9},
    {"llama",
     R"({"model_type": "llama", "num_attention_heads": 2, "intermediate_size": 24,
         "rms_norm_eps": 1e-6})",
     {-0.995748, 0.439866, 0.253373, 0.166631, 0.121810, 0.031210},
     0.635267,
     9},
};

bool is_gain(std::string_view name) {
  return name.ends_with("norm.weight") || name.find(".norms.") != std::string_view::npos;
}

class Golden : public ::testing::TestWithParam<OpCase> {};

}  // namespace

std::span<const GoldenModel> golden_models() { return kModels; }

ModelConfig golden_config(const GoldenModel& golden) {
  Json config = parse_json(golden.config, golden.name);
  config["vocab_size"] = 19;
  config["hidden_size"] = 16;
  config["num_hidden_layers"] = 2;
  config["max_position_embeddings"] = 32;
  return parse_model_config(config, std::string(golden.name));
}

void write_golden(const GoldenModel& golden, const std::filesystem::path& directory) {
  ModelConfig config = golden_config(golden);
  Parameters empty;
  for (const ParameterSpec& p : parameter_specs(config.spec))
    empty.add(p, Tensor::host(p.shape, DType::kF32));
  auto tensors =
      published_tensors(config, empty, DType::kF32, [](const Parameter& p) { return p.value; });
  for (TensorSource& t : tensors)
    t.load = [name = t.name, shape = t.shape] {
      Tensor tensor = Tensor::host(shape, DType::kF32);
      auto values = tensor.span<float>();
      for (size_t k = 0; k < values.size(); ++k)
        values[k] = golden_value(hash_name(name), k, is_gain(name));
      return tensor;
    };
  write_checkpoint_dir(directory, tensors);
  write_file_atomically(directory / "config.json", config.config.dump());
}

Model load_golden(const GoldenModel& golden) {
  TemporaryDirectory directory;
  write_golden(golden, directory.path());
  return load_model(directory.path());
}

TEST(GoldenRule, GivesTheDocumentedValues) {
  uint64_t seed = hash_name("lm_head.weight");
  EXPECT_EQ(seed, 0xab67eb515e1b6f0d);
  EXPECT_FLOAT_EQ(golden_value(seed, 0, false), 0.246390031f);
  EXPECT_FLOAT_EQ(golden_value(seed, 3, false), -0.188238789f);
  EXPECT_FLOAT_EQ(golden_value(hash_name("model.norm.weight"), 1, true), 0.910650835f);
}

TEST_P(Golden, LogitsOfEveryArchitecture) {
  auto backend = GetParam().make(2);
  Context cx{*backend};
  for (const GoldenModel& golden : kModels) {
    SCOPED_TRACE(golden.name);
    Model model = load_golden(golden);
    model.parameters.place(*backend);
    Decoder decoder = model.decoder();
    std::vector<int32_t> ids{1, 5, 2, 9};
    Tensor logits = decoder.logits(cx, decoder.hidden(cx, TokenBatch::pack({&ids, 1})));
    logits = to_host(*backend, logits);
    auto last = logits.rows(3, 4).span<float>();
    for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(last[i], golden.logits[i], 5e-6) << i;
    EXPECT_NEAR(std::accumulate(last.begin(), last.end(), 0.0), golden.sum, 2e-5);
    EXPECT_EQ(std::max_element(last.begin(), last.end()) - last.begin(), golden.argmax);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Golden, ::testing::ValuesIn(every_backend()), case_name);

}  // namespace slm::testing
