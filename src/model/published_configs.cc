#include "model/published_configs.h"

#include "util/error.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

// Each generation's 3B; the other models say what they have instead.
constexpr const char* kAlpha = R"({
  "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox",
  "bos_token_id": 0, "eos_token_id": 0, "hidden_act": "gelu", "hidden_size": 4096,
  "initializer_range": 0.02, "intermediate_size": 16384, "layer_norm_eps": 1e-05,
  "max_position_embeddings": 4096, "num_attention_heads": 32, "num_hidden_layers": 16,
  "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": false,
  "torch_dtype": "float32", "use_cache": true, "use_parallel_residual": true, "vocab_size": 50688
})";
constexpr const char* kAlphaV2 = R"({
  "architectures": ["StableLMAlphaForCausalLM"], "model_type": "stablelm_alpha",
  "bos_token_id": 0, "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 2560,
  "initializer_range": 0.02, "max_position_embeddings": 4096, "norm_eps": 1e-05, "num_heads": 32,
  "num_hidden_layers": 32, "rotary_emb_base": 10000, "rotary_pct": 0.25,
  "rotary_scaling_factor": 1.0, "tie_word_embeddings": false, "torch_dtype": "float32",
  "use_cache": true, "vocab_size": 50432
})";
constexpr const char* kStableLm3B = R"({
  "architectures": ["StableLmForCausalLM"], "model_type": "stablelm",
  "bos_token_id": 0, "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 2560,
  "initializer_range": 0.02, "intermediate_size": 6912, "layer_norm_eps": 1e-05,
  "max_position_embeddings": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
  "num_key_value_heads": 32, "partial_rotary_factor": 0.25, "rope_theta": 10000,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true,
  "use_qkv_bias": false, "vocab_size": 50304
})";

struct Published {
  std::string_view name;
  const char *base, *instead;
};
constexpr Published kPublished[] = {
    {"stablelm-base-alpha-3b", kAlpha, "{}"},
    {"stablelm-base-alpha-7b", kAlpha,
     R"({"hidden_size": 6144, "intermediate_size": 24576, "num_attention_heads": 48,
         "vocab_size": 50432})"},
    {"stablelm-base-alpha-3b-v2", kAlphaV2, "{}"},
    {"stablelm-base-alpha-7b-v2", kAlphaV2, R"({"hidden_size": 4096})"},
    {"stablelm-3b-4e1t", kStableLm3B, "{}"},
    {"stable-code-3b", kStableLm3B, R"({"max_position_embeddings": 16384, "rope_theta": 1000000})"},
    {"stablelm-2-1_6b", kStableLm3B,
     R"({"bos_token_id": 100257, "eos_token_id": 100257, "hidden_size": 2048,
         "intermediate_size": 5632, "num_hidden_layers": 24, "use_qkv_bias": true,
         "vocab_size": 100352})"},
    {"stablelm-2-12b", kStableLm3B,
     R"({"bos_token_id": 100257, "eos_token_id": 100257, "hidden_size": 5120,
         "initializer_range": 0.01, "intermediate_size": 13824, "num_hidden_layers": 40,
         "num_key_value_heads": 8, "qk_layernorm": true, "use_parallel_residual": true,
         "vocab_size": 100352})"},
};

}  // namespace

std::vector<std::string_view> published_config_names() {
  std::vector<std::string_view> names;
  for (const Published& p : kPublished) names.push_back(p.name);
  return names;
}

ModelConfig published_config(std::string_view name) {
  std::string origin(name);
  for (const Published& p : kPublished) {
    if (p.name != name) continue;
    Json config = parse_json(p.base, origin);
    config.merge_patch(parse_json(p.instead, origin));
    return parse_model_config(config, origin);
  }
  std::vector<std::string_view> names = published_config_names();
  std::string nearest = nearest_name(name, names);
  fail(ErrorKind::kNotFound, "no published model is called \"{}\"{}: known are {}", name,
       nearest.empty() ? "" : format(", did you mean {}", nearest), fmt::join(names, ", "));
}

}  // namespace slm
