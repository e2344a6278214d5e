// LLaMA (Touvron et al., 2023) in the transformers layout: StableVicuna, Stable Beluga, OpenLLaMA.
// Mistral (Jiang et al., 2023) adds a window, Qwen2 (Yang et al., 2024) biases of q, k and v.
#include "model/families/config_keys.h"
#include "model/families/families.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.kv_heads = "num_key_value_heads"};

DecoderSpec read_common(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c, kSizes);
  spec.head_size = c.integer_or("head_dim", spec.head_size, 1, kMaxWidth / spec.heads);
  spec.mlp_width = read_extent(c, "intermediate_size", kMaxWidth);
  spec.norm = {
      .kind = NormSpec::kRms, .eps = read_epsilon(c, {"rms_norm_eps"}, 1e-6f), .bias = false};
  spec.rope = read_rope(c, spec.head_size,
                        {.fraction = {"partial_rotary_factor"}, .theta = {"rope_theta"}});
  spec.activation = read_activation(c, Activation::kSilu);
  spec.padding_id = read_padding(c, spec.vocab);
  return spec;
}

Json write_common(const DecoderSpec& s, std::string_view model_type,
                  std::string_view architecture) {
  Json c = write_sizes(s, model_type, architecture, kSizes);
  c["intermediate_size"] = s.mlp_width;
  c["rms_norm_eps"] = shortest(s.norm.eps);
  c["hidden_act"] = activation_name(s.activation);
  write_rope(c, s, "partial_rotary_factor", "rope_theta");
  if (s.rope.dims == s.head_size) c.erase("partial_rotary_factor");
  if (s.head_size * s.heads != s.width) c["head_dim"] = s.head_size;
  return c;
}

DecoderSpec read_llama(const JsonObject& c) {
  DecoderSpec spec = read_common(c);
  spec.qkv_bias = spec.out_bias = c.boolean_or("attention_bias", false);
  spec.mlp_bias = c.boolean_or("mlp_bias", false);
  return spec;
}

Json write_llama(const DecoderSpec& s) {
  Json c = write_common(s, "llama", "LlamaForCausalLM");
  c["attention_bias"] = s.qkv_bias;
  c["mlp_bias"] = s.mlp_bias;
  return c;
}

constexpr int64_t kMistralWindow = 4096;  // when the config does not say; null: none

DecoderSpec read_mistral(const JsonObject& c) {
  DecoderSpec spec = read_common(c);
  if (!c.json().contains("sliding_window"))
    spec.window = kMistralWindow;
  else
    spec.window = c.integer_or("sliding_window", 0, 1, kMaxPositions);
  return spec;
}

Json write_mistral(const DecoderSpec& s) {
  Json c = write_common(s, "mistral", "MistralForCausalLM");
  c["sliding_window"] = s.window > 0 ? Json(s.window) : Json();
  return c;
}

DecoderSpec read_qwen2(const JsonObject& c) {
  require(c, "use_sliding_window", false);
  DecoderSpec spec = read_common(c);
  spec.qkv_bias = true;
  return spec;
}

Json write_qwen2(const DecoderSpec& s) {
  Json c = write_common(s, "qwen2", "Qwen2ForCausalLM");
  c["use_sliding_window"] = false;
  return c;
}

StoredNames names() {
  return {
      {{"embed.weight"}, "model.embed_tokens.weight"},
      {{"blocks.#.norm1.weight"}, "model.layers.#.input_layernorm.weight"},
      {{"blocks.#.attn.q.weight"}, "model.layers.#.self_attn.q_proj.weight"},
      {{"blocks.#.attn.q.bias"}, "model.layers.#.self_attn.q_proj.bias"},
      {{"blocks.#.attn.k.weight"}, "model.layers.#.self_attn.k_proj.weight"},
      {{"blocks.#.attn.k.bias"}, "model.layers.#.self_attn.k_proj.bias"},
      {{"blocks.#.attn.v.weight"}, "model.layers.#.self_attn.v_proj.weight"},
      {{"blocks.#.attn.v.bias"}, "model.layers.#.self_attn.v_proj.bias"},
      {{"blocks.#.attn.out.weight"}, "model.layers.#.self_attn.o_proj.weight"},
      {{"blocks.#.attn.out.bias"}, "model.layers.#.self_attn.o_proj.bias"},
      {{"blocks.#.norm2.weight"}, "model.layers.#.post_attention_layernorm.weight"},
      {{"blocks.#.mlp.gate.weight"}, "model.layers.#.mlp.gate_proj.weight"},
      {{"blocks.#.mlp.gate.bias"}, "model.layers.#.mlp.gate_proj.bias"},
      {{"blocks.#.mlp.up.weight"}, "model.layers.#.mlp.up_proj.weight"},
      {{"blocks.#.mlp.up.bias"}, "model.layers.#.mlp.up_proj.bias"},
      {{"blocks.#.mlp.down.weight"}, "model.layers.#.mlp.down_proj.weight"},
      {{"blocks.#.mlp.down.bias"}, "model.layers.#.mlp.down_proj.bias"},
      {{"final_norm.weight"}, "model.norm.weight"},
      {{"head.weight"}, "lm_head.weight"},
  };
}

}  // namespace

const Family kLlama{
    .model_types = {"llama"}, .read = read_llama, .write = write_llama, .names = names()};
const Family kMistral{
    .model_types = {"mistral"}, .read = read_mistral, .write = write_mistral, .names = names()};
const Family kQwen2{
    .model_types = {"qwen2"}, .read = read_qwen2, .write = write_qwen2, .names = names()};

}  // namespace slm
