#include <gtest/gtest.h>

#include <fstream>

#include "model/families/families.h"
#include "model/load.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm::testing {
namespace {

namespace fs = std::filesystem;

Json example(const std::string& name) {
  return read_json_file(fixture("configs") / (name + ".json"));
}

// The error of a config with one key replaced, or removed.
std::string error_of(const std::string& name, const std::string& key, const char* value) {
  Json config = example(name);
  if (value)
    config[key] = parse_json(value, "test");
  else
    config.erase(key);
  try {
    parse_model_config(config, "config.json");
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

struct Hostile {
  const char *config, *key, *value;  // null: remove the key
  const char* says = "";             // besides the file and the key
};

constexpr Hostile kHostile[] = {
    {"stablelm-3b-4e1t", "model_type", nullptr, "missing"},
    {"stablelm-3b-4e1t", "model_type", "7", "string"},
    {"stablelm-3b-4e1t", "hidden_size", nullptr, "missing"},
    {"stablelm-3b-4e1t", "hidden_size", "\"big\"", "integer"},
    {"stablelm-3b-4e1t", "hidden_size", "2560.5", "integer"},
    {"stablelm-3b-4e1t", "hidden_size", "-2560", "-2560"},
    {"stablelm-3b-4e1t", "hidden_size", "0", "0"},
    {"stablelm-3b-4e1t", "hidden_size", "4611686018427387904", "4611686018427387904"},
    {"stablelm-3b-4e1t", "hidden_size", "18446744073709551615"},
    {"stablelm-3b-4e1t", "hidden_size", "1e300"},
    {"stablelm-3b-4e1t", "hidden_size", "[2560]", "integer"},
    {"stablelm-3b-4e1t", "vocab_size", "1000000000000"},
    {"stablelm-3b-4e1t", "num_hidden_layers", "1000000000"},
    {"stablelm-3b-4e1t", "num_hidden_layers", "null", "missing"},
    {"stablelm-3b-4e1t", "intermediate_size", "1099511627776"},
    {"stablelm-3b-4e1t", "max_position_embeddings", "-1"},
    {"stablelm-3b-4e1t", "num_attention_heads", "33", "divide"},
    {"stablelm-3b-4e1t", "num_attention_heads", "0"},
    {"stablelm-3b-4e1t", "num_key_value_heads", "5", "divide"},
    {"stablelm-3b-4e1t", "num_key_value_heads", "64"},
    {"stablelm-3b-4e1t", "partial_rotary_factor", "0"},
    {"stablelm-3b-4e1t", "partial_rotary_factor", "1.5"},
    {"stablelm-3b-4e1t", "partial_rotary_factor", "0.02", "rotates 1 of"},
    {"stablelm-3b-4e1t", "rope_theta", "-1"},
    {"stablelm-3b-4e1t", "rope_theta", "\"10000\"", "number"},
    {"stablelm-3b-4e1t", "layer_norm_eps", "-1e-5"},
    {"stablelm-3b-4e1t", "hidden_act", "\"softplus\"", "softplus"},
    {"stablelm-3b-4e1t", "use_qkv_bias", "1", "true or false"},
    {"stablelm-3b-4e1t", "tie_word_embeddings", "\"no\"", "true or false"},
    {"stablelm-3b-4e1t", "rope_scaling", R"({"type": "dynamic", "factor": 2})", "dynamic"},
    {"stablelm-3b-4e1t", "rope_scaling", R"({"type": "linear"})", "factor"},
    {"stablelm-3b-4e1t", "rope_scaling", "3", "object"},
    {"stablelm-3b-4e1t", "rope_parameters", R"({"rope_type": "yarn", "factor": 2})", "yarn"},
    {"stablelm-3b-4e1t-epoch", "rotary_scaling_factor", "2", "only 1"},
    {"stablelm-3b-4e1t-epoch", "rope_pct", "2"},
    {"stablelm-3b-4e1t-epoch", "norm_eps", "true", "number"},
    {"stablelm-base-alpha-3b", "intermediate_size", nullptr, "missing"},
    {"stablelm-base-alpha-3b", "rotary_pct", "-0.25"},
    {"stablelm-base-alpha-3b", "use_parallel_residual", "\"yes\"", "true or false"},
    {"stablelm-base-alpha-3b-v2", "num_heads", nullptr, "missing"},
    {"stablelm-base-alpha-3b-v2", "num_heads", "48", "divide"},
    {"stablelm-base-alpha-3b-v2", "rotary_scaling_factor", "0"},
    {"llama-13b", "rms_norm_eps", "2"},
    {"llama-13b", "head_dim", "100000000"},
    {"llama-13b", "pad_token_id", "32000"},
    {"mistral-7b", "sliding_window", "0"},
    {"qwen2-0.5b", "use_sliding_window", "true", "only false"},
    {"baichuan2-7b", "max_position_embeddings", nullptr, "13B"},
    {"qwen-7b", "seq_length", nullptr, "missing"},
    {"qwen-7b", "no_bias", "false", "only true"},
    {"qwen-7b", "intermediate_size", "22017", "twice"},
    {"falcon-7b", "num_attention_heads", "70", "divide"},
    {"falcon-40b-first-release", "parallel_attn", "false", "only true"},
    {"mpt-7b", "no_bias", "false", "only true"},
    {"mpt-7b", "expansion_ratio", "0.3333"},
    {"mpt-7b", "norm_type", "\"rmsnorm\"", "rmsnorm"},
    {"mpt-7b", "logit_scale", "-1"},
    {"mpt-7b", "attn_config", nullptr, "missing"},
    {"mpt-7b", "attn_config", R"({"alibi": false})", "only true"},
    {"mpt-7b", "attn_config", R"({"qk_ln": true})", "qk_ln"},
    {"mpt-7b", "attn_config", R"({"attn_type": "multiquery_attention"})", "multiquery_attention"},
    {"mpt-7b", "attn_config", R"({"clip_qkv": -6})", "clip_qkv"},
    {"phi-1_5", "qk_layernorm", "true", "only false"},
    {"phi-1_5-mixformer", "n_head_kv", "8"},
    {"btlm-3b-8k", "activation_function", "\"gelu\"", "swiglu"},
    {"btlm-3b-8k", "position_embedding_type", "\"learned\"", "alibi"},
    {"btlm-3b-8k", "mup_embeddings_scale", "-14.6"},
    {"btlm-3b-8k", "alibi_scaling", R"({"type": "linear", "train_seq_len": 8192})", "factor"},
    {"gpt-j-6b", "rotary_dim", "300"},
    {"opt-2.7b", "do_layer_norm_before", "false", "only true"},
    {"opt-2.7b", "word_embed_proj_dim", "512", "2560"},
    {"bloom-3b", "apply_residual_connection_post_layernorm", "true", "only false"},
    {"gpt2", "scale_attn_by_inverse_layer_idx", "true", "only false"},
};

TEST(Config, HostileValuesGiveOneErrorThatNamesFileAndKey) {
  for (const Hostile& h : kHostile) {
    std::string error = error_of(h.config, h.key, h.value);
    SCOPED_TRACE(format("{} {} {}: {}", h.config, h.key, h.value ? h.value : "removed", error));
    EXPECT_TRUE(error.starts_with("config.json: "));
    EXPECT_NE(error.find(h.key), std::string::npos);
    EXPECT_NE(error.find(h.says), std::string::npos);
  }
}

TEST(Config, UnknownModelTypesListTheKnownOnes) {
  std::string error = error_of("llama-13b", "model_type", "\"mamba\"");
  for (const char* name : {"config.json", "mamba", "gpt_neox", "stablelm_alpha", "llama"})
    EXPECT_NE(error.find(name), std::string::npos) << error;
}

TEST(Families, AreAllInTheTableOfModels) {
  std::string table = read_file(source_dir() / "docs/models.md");
  for (const Family* family : families())
    for (std::string_view type : family->model_types)
      EXPECT_NE(table.find(format("`{}`", type)), std::string::npos) << type;
}

TEST(Config, WrittenConfigsReadBack) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fixture("configs"))) {
    SCOPED_TRACE(entry.path().filename());
    ModelConfig config = read_model_config(entry.path());
    EXPECT_EQ(new_model_config(config.model_type, config.spec).spec, config.spec);
    ++count;
  }
  EXPECT_GE(count, 11);
}

TEST(Config, WritesFractionsAndFloatsThatReadBackExactly) {
  DecoderSpec spec = read_model_config(fixture("configs/stablelm-3b-4e1t.json")).spec;
  for (int64_t head = 6; head <= 256; head += 2)
    for (int64_t dims = 2; dims <= head; dims += 2) {
      spec.head_size = head, spec.width = head * spec.heads, spec.rope.dims = dims;
      ASSERT_EQ(new_model_config("stablelm", spec).spec.rope.dims, dims) << head;
    }
  spec.norm.eps = 1e-5f;
  EXPECT_EQ(new_model_config("stablelm", spec).config.at("layer_norm_eps").dump(), "1e-05");
}

TEST(Config, RefusesToDescribeWhatTheFamilyDoesNotHave) {
  DecoderSpec spec = read_model_config(fixture("configs/stablelm-2-12b.json")).spec;
  for (const char* type : {"gpt_neox", "stablelm_alpha", "llama"})
    EXPECT_THROW(new_model_config(type, spec), Error) << type;
}

TEST(Config, BothSpellingsOfStableLm) {
  EXPECT_EQ(read_model_config(fixture("configs/stablelm-3b-4e1t.json")).spec,
            read_model_config(fixture("configs/stablelm-3b-4e1t-epoch.json")).spec);
}

TEST(Config, BothSpellingsOfBtlmAndPhi) {
  auto spec = [](const char* name) { return parse_model_config(example(name), name).spec; };
  EXPECT_EQ(spec("btlm-3b-8k"), spec("btlm-3b-8k-early"));
  EXPECT_EQ(spec("phi-1_5"), spec("phi-1_5-mixformer"));
  EXPECT_EQ(spec("falcon-7b"), spec("falcon-7b-first-release"));
}

TEST(Config, SettingsThatFewPublishedModelsHaveAreWrittenBack) {
  Json mpt = example("mpt-7b");
  mpt["attn_config"]["clip_qkv"] = 6;
  mpt["attn_config"]["softmax_scale"] = 0.125;
  mpt["logit_scale"] = 0.5;
  Json btlm = example("btlm-3b-8k");
  btlm["alibi_scaling"] = {{"type", "linear"}, {"factor", 3.0}};
  Json mistral = example("mistral-7b");
  mistral["sliding_window"] = nullptr;
  for (const Json& config : {mpt, btlm, mistral}) {
    ModelConfig read = parse_model_config(config, "config.json");
    EXPECT_EQ(new_model_config(read.model_type, read.spec).spec, read.spec) << config.dump();
  }
  EXPECT_EQ(parse_model_config(mpt, "mpt").spec.qkv_clip, 6);
  EXPECT_EQ(parse_model_config(btlm, "btlm").spec.alibi_slope, float(1 / 3.0));
  EXPECT_EQ(parse_model_config(mistral, "mistral").spec.window, 0);
  mistral.erase("sliding_window");
  EXPECT_EQ(parse_model_config(mistral, "mistral").spec.window, 4096);
}

TEST(Config, NewerSpellingsOfRotaryKeys) {
  Json config = example("stablelm-base-alpha-3b");
  DecoderSpec spec = parse_model_config(config, "old").spec;
  config.erase("rotary_pct");
  config.erase("rotary_emb_base");
  config["partial_rotary_factor"] = 0.5;
  config["rope_theta"] = 500000;
  spec.rope.dims = 64, spec.rope.theta = 500000;
  EXPECT_EQ(parse_model_config(config, "new").spec, spec);
  config.erase("partial_rotary_factor");
  config.erase("rope_theta");
  config["rope_parameters"] = {{"rope_type", "linear"},
                               {"factor", 4.0},
                               {"rope_theta", 500000.0},
                               {"partial_rotary_factor", 0.5}};
  spec.rope.scale = 4;
  EXPECT_EQ(parse_model_config(config, "newest").spec, spec);
}

TEST(Config, StopIdsComeFromTheGenerationConfigFirst) {
  ModelConfig config = parse_model_config(example("stable-vicuna-13b"), "config.json");
  EXPECT_EQ(stop_ids(config), std::vector<int32_t>{2});
  config.generation = {{"eos_token_id", {2, 32000}}};
  EXPECT_EQ(stop_ids(config), (std::vector<int32_t>{2, 32000}));
  config.generation = {{"eos_token_id", 32001}};
  EXPECT_THROW(stop_ids(config), Error);
}

}  // namespace
}  // namespace slm::testing
