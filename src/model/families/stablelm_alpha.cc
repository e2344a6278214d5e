// StableLM-Base-Alpha v2 (3B and 7B).
#include "model/families/config_keys.h"
#include "model/families/families.h"

namespace slm {
namespace {

// Published configs do not say the MLP width; it follows from the width.
int64_t derived_mlp_width(int64_t width) { return (8 * width / 3 + 255) / 256 * 256; }

constexpr SizeKeys kSizes{.heads = "num_heads"};

DecoderSpec read(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c, kSizes);
  spec.mlp_width = c.integer_or("intermediate_size", derived_mlp_width(spec.width), 1, kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"norm_eps"}, 1e-5f);
  spec.residual = Residual::kParallelShared;
  spec.rope = read_rope(
      c, spec.head_size,
      {.fraction = {"rotary_pct"}, .theta = {"rotary_emb_base"}, .default_fraction = 0.25});
  spec.rope.scale = c.number_or("rotary_scaling_factor", 1);
  check_data(spec.rope.scale > 0 && spec.rope.scale <= 1e6,
             "{}: key \"rotary_scaling_factor\" must lie in 0..1e6, found {}", c.origin(),
             spec.rope.scale);
  spec.activation = read_activation(c, Activation::kSilu);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "stablelm_alpha", "StableLMAlphaForCausalLM", kSizes);
  c["rotary_pct"] = rope_fraction(s);
  c["rotary_emb_base"] = s.rope.theta;
  c["rotary_scaling_factor"] = s.rope.scale;
  c["norm_eps"] = shortest(s.norm.eps);
  c["hidden_act"] = activation_name(s.activation);
  if (s.mlp_width != derived_mlp_width(s.width)) c["intermediate_size"] = s.mlp_width;
  return c;
}

}  // namespace

const Family kStableLmAlpha{
    .model_types = {"stablelm_alpha"},
    .read = read,
    .write = write,
    .names = {
        {{"embed.weight"}, "transformer.embed.weight"},
        {{"blocks.#.norm1.weight"}, "transformer.layers.#.norm.weight"},
        {{"blocks.#.norm1.bias"}, "transformer.layers.#.norm.bias"},
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "transformer.layers.#.attention.qkv_proj.weight",
         Layout::kPerHead},
        {{"blocks.#.attn.out.weight"}, "transformer.layers.#.attention.out_proj.weight"},
        // Despite its name, the gate is the second half.
        {{"blocks.#.mlp.up.weight", "blocks.#.mlp.gate.weight"},
         "transformer.layers.#.mlp.gate_proj.weight",
         Layout::kStacked},
        {{"blocks.#.mlp.down.weight"}, "transformer.layers.#.mlp.out_proj.weight"},
        {{"final_norm.weight"}, "transformer.final_norm.weight"},
        {{"final_norm.bias"}, "transformer.final_norm.bias"},
        {{"head.weight"}, "lm_head.weight"},
    }};

}  // namespace slm
