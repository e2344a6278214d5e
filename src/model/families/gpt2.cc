// GPT-2 (Radford et al., 2019): learned positions, matrices stored [in, out].
#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "model/families/gpt2_names.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.width = "n_embd",
                          .layers = "n_layer",
                          .heads = "n_head",
                          .positions = "n_positions",
                          .tied_otherwise = true};

DecoderSpec read(const JsonObject& c) {
  require(c, "scale_attn_weights", true);
  require(c, "scale_attn_by_inverse_layer_idx", false);
  require(c, "add_cross_attention", false);
  DecoderSpec spec = read_sizes(c, kSizes);
  spec.mlp_width = c.integer_or("n_inner", 4 * spec.width, 1, kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-5f);
  spec.positions = Positions::kLearned;
  spec.activation = read_activation(c, Activation::kGeluTanh, "activation_function");
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "gpt2", "GPT2LMHeadModel", kSizes);
  c["n_inner"] = s.mlp_width;
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["activation_function"] = activation_name(s.activation);
  return c;
}

}  // namespace

StoredNames gpt2_names() {
  return {
      {{"embed.weight"}, "transformer.wte.weight"},
      {{"positions.weight"}, "transformer.wpe.weight"},
      {{"blocks.#.norm1.weight"}, "transformer.h.#.ln_1.weight"},
      {{"blocks.#.norm1.bias"}, "transformer.h.#.ln_1.bias"},
      {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
       "transformer.h.#.attn.c_attn.weight",
       Layout::kTransposed},
      {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
       "transformer.h.#.attn.c_attn.bias",
       Layout::kStacked},
      {{"blocks.#.attn.out.weight"}, "transformer.h.#.attn.c_proj.weight", Layout::kTransposed},
      {{"blocks.#.attn.out.bias"}, "transformer.h.#.attn.c_proj.bias"},
      {{"blocks.#.norm2.weight"}, "transformer.h.#.ln_2.weight"},
      {{"blocks.#.norm2.bias"}, "transformer.h.#.ln_2.bias"},
      {{"blocks.#.mlp.up.weight"}, "transformer.h.#.mlp.c_fc.weight", Layout::kTransposed},
      {{"blocks.#.mlp.up.bias"}, "transformer.h.#.mlp.c_fc.bias"},
      {{"blocks.#.mlp.down.weight"}, "transformer.h.#.mlp.c_proj.weight", Layout::kTransposed},
      {{"blocks.#.mlp.down.bias"}, "transformer.h.#.mlp.c_proj.bias"},
      {{"final_norm.weight"}, "transformer.ln_f.weight"},
      {{"final_norm.bias"}, "transformer.ln_f.bias"},
      {{"head.weight"}, "lm_head.weight"},
  };
}

const Family kGpt2{.model_types = {"gpt2"},
                   .read = read,
                   .write = write,
                   .names = gpt2_names(),
                   .other_names = without_prefix(gpt2_names(), "transformer.")};

}  // namespace slm
