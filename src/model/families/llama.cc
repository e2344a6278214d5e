// LLaMA (Touvron et al., 2023) in the transformers layout: StableVicuna, Stable Beluga, OpenLLaMA.
#include "model/families/config_keys.h"
#include "model/families/families.h"

namespace slm {
namespace {

DecoderSpec read(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c, {.kv_heads = "num_key_value_heads"});
  spec.head_size = c.integer_or("head_dim", spec.head_size, 1, kMaxWidth / spec.heads);
  spec.mlp_width = read_extent(c, "intermediate_size", kMaxWidth);
  spec.norm = {
      .kind = NormSpec::kRms, .eps = read_epsilon(c, {"rms_norm_eps"}, 1e-6f), .bias = false};
  spec.rope = read_rope(c, spec.head_size,
                        {.fraction = {"partial_rotary_factor"}, .theta = {"rope_theta"}});
  spec.activation = read_activation(c, Activation::kSilu);
  spec.qkv_bias = spec.out_bias = c.boolean_or("attention_bias", false);
  spec.mlp_bias = c.boolean_or("mlp_bias", false);
  spec.padding_id = read_padding(c, spec.vocab);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c{{"architectures", {"LlamaForCausalLM"}},
         {"model_type", "llama"},
         {"vocab_size", s.vocab},
         {"hidden_size", s.width},
         {"num_hidden_layers", s.layers},
         {"num_attention_heads", s.heads},
         {"num_key_value_heads", s.kv_heads},
         {"intermediate_size", s.mlp_width},
         {"max_position_embeddings", s.max_positions},
         {"rope_theta", s.rope.theta},
         {"rms_norm_eps", shortest(s.norm.eps)},
         {"hidden_act", activation_name(s.activation)},
         {"attention_bias", s.qkv_bias},
         {"mlp_bias", s.mlp_bias},
         {"tie_word_embeddings", s.tied_head}};
  if (s.head_size * s.heads != s.width) c["head_dim"] = s.head_size;
  if (s.rope.dims != s.head_size) c["partial_rotary_factor"] = rope_fraction(s);
  if (s.padding_id >= 0) c["pad_token_id"] = s.padding_id;
  write_rope_scaling(c, s.rope);
  return c;
}

}  // namespace

const Family kLlama{
    .model_types = {"llama"},
    .read = read,
    .write = write,
    .names = {
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
    }};

}  // namespace slm
