// GPT-NeoX (Black et al., 2022): StableLM-Alpha and Tuned-Alpha, Pythia, StableCode-Alpha,
// RedPajama-INCITE.
#include "model/families/config_keys.h"
#include "model/families/families.h"

namespace slm {
namespace {

DecoderSpec read(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c);
  spec.mlp_width = read_extent(c, "intermediate_size", kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"layer_norm_eps"}, 1e-5f);
  spec.residual =
      c.boolean_or("use_parallel_residual", true) ? Residual::kParallel : Residual::kSequential;
  spec.rope = read_rope(c, spec.head_size,
                        {.fraction = {"rotary_pct", "partial_rotary_factor"},
                         .theta = {"rotary_emb_base", "rope_theta"},
                         .default_fraction = 0.25});
  spec.activation = read_activation(c, Activation::kGelu);
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = c.boolean_or("attention_bias", true);
  spec.mlp_bias = true;
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "gpt_neox", "GPTNeoXForCausalLM");
  c["intermediate_size"] = s.mlp_width;
  c["layer_norm_eps"] = shortest(s.norm.eps);
  c["hidden_act"] = activation_name(s.activation);
  c["use_parallel_residual"] = s.residual == Residual::kParallel;
  c["attention_bias"] = s.qkv_bias;
  write_rope(c, s, "rotary_pct", "rotary_emb_base");
  return c;
}

}  // namespace

const Family kGptNeox{
    .model_types = {"gpt_neox"},
    .read = read,
    .write = write,
    .names = {
        {{"embed.weight"}, "gpt_neox.embed_in.weight"},
        {{"blocks.#.norm1.weight"}, "gpt_neox.layers.#.input_layernorm.weight"},
        {{"blocks.#.norm1.bias"}, "gpt_neox.layers.#.input_layernorm.bias"},
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "gpt_neox.layers.#.attention.query_key_value.weight",
         Layout::kPerHead},
        {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
         "gpt_neox.layers.#.attention.query_key_value.bias",
         Layout::kPerHead},
        {{"blocks.#.attn.out.weight"}, "gpt_neox.layers.#.attention.dense.weight"},
        {{"blocks.#.attn.out.bias"}, "gpt_neox.layers.#.attention.dense.bias"},
        {{"blocks.#.norm2.weight"}, "gpt_neox.layers.#.post_attention_layernorm.weight"},
        {{"blocks.#.norm2.bias"}, "gpt_neox.layers.#.post_attention_layernorm.bias"},
        {{"blocks.#.mlp.up.weight"}, "gpt_neox.layers.#.mlp.dense_h_to_4h.weight"},
        {{"blocks.#.mlp.up.bias"}, "gpt_neox.layers.#.mlp.dense_h_to_4h.bias"},
        {{"blocks.#.mlp.down.weight"}, "gpt_neox.layers.#.mlp.dense_4h_to_h.weight"},
        {{"blocks.#.mlp.down.bias"}, "gpt_neox.layers.#.mlp.dense_4h_to_h.bias"},
        {{"final_norm.weight"}, "gpt_neox.final_layer_norm.weight"},
        {{"final_norm.bias"}, "gpt_neox.final_layer_norm.bias"},
        {{"head.weight"}, "embed_out.weight"},
    }};

}  // namespace slm
