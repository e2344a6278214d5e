// StableLM-3B-4E1T, Zephyr-3B, stable-code-3b, StableLM-2 1.6B and 12B. Two spellings of the same
// model: "stablelm" and the older "stablelm_epoch".
#include "model/families/config_keys.h"
#include "model/families/families.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.kv_heads = "num_key_value_heads"};

DecoderSpec read(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c, kSizes);
  spec.mlp_width = read_extent(c, "intermediate_size", kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"layer_norm_eps", "norm_eps"}, 1e-5f);
  spec.residual = c.boolean_or("use_parallel_residual", false) ? Residual::kParallelShared
                                                               : Residual::kSequential;
  spec.rope = read_rope(c, spec.head_size,
                        {.fraction = {"partial_rotary_factor", "rope_pct"},
                         .theta = {"rope_theta"},
                         .default_fraction = 0.25});
  double scaling = c.number_or("rotary_scaling_factor", 1);
  if (scaling != 1)
    fail(ErrorKind::kUnsupported, "{}: key \"rotary_scaling_factor\" is {}, only 1 is supported",
         c.origin(), scaling);
  spec.qk_norm = c.boolean_or("qk_layernorm", false) ? QkNorm::kPerHead : QkNorm::kNone;
  spec.activation = read_activation(c, Activation::kSilu);
  spec.qkv_bias = c.boolean_or("use_qkv_bias", false);
  spec.padding_id = read_padding(c, spec.vocab);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "stablelm", "StableLmForCausalLM", kSizes);
  c["intermediate_size"] = s.mlp_width;
  c["layer_norm_eps"] = shortest(s.norm.eps);
  c["hidden_act"] = activation_name(s.activation);
  c["use_parallel_residual"] = s.residual == Residual::kParallelShared;
  c["qk_layernorm"] = s.qk_norm == QkNorm::kPerHead;
  c["use_qkv_bias"] = s.qkv_bias;
  write_rope(c, s, "partial_rotary_factor", "rope_theta");
  return c;
}

// StableLM-2 was trained without norm biases; some checkpoints leave the zeros out.
constexpr bool kZeroIfAbsent = true;

}  // namespace

const Family kStableLm{
    .model_types = {"stablelm", "stablelm_epoch"},
    .read = read,
    .write = write,
    .names = {
        {{"embed.weight"}, "model.embed_tokens.weight"},
        {{"blocks.#.norm1.weight"}, "model.layers.#.input_layernorm.weight"},
        {{"blocks.#.norm1.bias"},
         "model.layers.#.input_layernorm.bias",
         Layout::kPlain,
         kZeroIfAbsent},
        {{"blocks.#.attn.q.weight"}, "model.layers.#.self_attn.q_proj.weight"},
        {{"blocks.#.attn.q.bias"}, "model.layers.#.self_attn.q_proj.bias"},
        {{"blocks.#.attn.k.weight"}, "model.layers.#.self_attn.k_proj.weight"},
        {{"blocks.#.attn.k.bias"}, "model.layers.#.self_attn.k_proj.bias"},
        {{"blocks.#.attn.v.weight"}, "model.layers.#.self_attn.v_proj.weight"},
        {{"blocks.#.attn.v.bias"}, "model.layers.#.self_attn.v_proj.bias"},
        {{"blocks.#.attn.q_norm.weight"},
         "model.layers.#.self_attn.q_layernorm.norms.*.weight",
         Layout::kRowTensors,
         false,
         "model.layers.#.self_attn.q_layernorm.weight"},
        {{"blocks.#.attn.k_norm.weight"},
         "model.layers.#.self_attn.k_layernorm.norms.*.weight",
         Layout::kRowTensors,
         false,
         "model.layers.#.self_attn.k_layernorm.weight"},
        {{"blocks.#.attn.out.weight"}, "model.layers.#.self_attn.o_proj.weight"},
        {{"blocks.#.norm2.weight"}, "model.layers.#.post_attention_layernorm.weight"},
        {{"blocks.#.norm2.bias"},
         "model.layers.#.post_attention_layernorm.bias",
         Layout::kPlain,
         kZeroIfAbsent},
        {{"blocks.#.mlp.gate.weight"}, "model.layers.#.mlp.gate_proj.weight"},
        {{"blocks.#.mlp.up.weight"}, "model.layers.#.mlp.up_proj.weight"},
        {{"blocks.#.mlp.down.weight"}, "model.layers.#.mlp.down_proj.weight"},
        {{"final_norm.weight"}, "model.norm.weight"},
        {{"final_norm.bias"}, "model.norm.bias", Layout::kPlain, kZeroIfAbsent},
        {{"head.weight"}, "lm_head.weight"},
    }};

}  // namespace slm
