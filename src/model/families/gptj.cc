// GPT-J-6B (Wang and Komatsuzaki, 2021): neighbouring values are rotated, attention and MLP stand
// beside each other behind one norm, the output matrix has a bias.
#include "model/families/config_keys.h"
#include "model/families/families.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{
    .width = "n_embd", .layers = "n_layer", .heads = "n_head", .positions = "n_positions"};

DecoderSpec read(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c, kSizes);
  spec.mlp_width = c.integer_or("n_inner", 4 * spec.width, 1, kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-5f);
  spec.residual = Residual::kParallelShared;
  spec.rope = {.dims = c.integer("rotary_dim", 2, spec.head_size), .pairing = Rope::kInterleaved};
  spec.activation = read_activation(c, Activation::kGeluTanh, "activation_function");
  spec.gated = false;
  spec.mlp_bias = spec.head_bias = true;
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "gptj", "GPTJForCausalLM", kSizes);
  c["n_inner"] = s.mlp_width;
  c["rotary_dim"] = s.rope.dims;
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["activation_function"] = activation_name(s.activation);
  return c;
}

}  // namespace

const Family kGptJ{.model_types = {"gptj"},
                   .read = read,
                   .write = write,
                   .names = {
                       {{"embed.weight"}, "transformer.wte.weight"},
                       {{"blocks.#.norm1.weight"}, "transformer.h.#.ln_1.weight"},
                       {{"blocks.#.norm1.bias"}, "transformer.h.#.ln_1.bias"},
                       {{"blocks.#.attn.q.weight"}, "transformer.h.#.attn.q_proj.weight"},
                       {{"blocks.#.attn.k.weight"}, "transformer.h.#.attn.k_proj.weight"},
                       {{"blocks.#.attn.v.weight"}, "transformer.h.#.attn.v_proj.weight"},
                       {{"blocks.#.attn.out.weight"}, "transformer.h.#.attn.out_proj.weight"},
                       {{"blocks.#.mlp.up.weight"}, "transformer.h.#.mlp.fc_in.weight"},
                       {{"blocks.#.mlp.up.bias"}, "transformer.h.#.mlp.fc_in.bias"},
                       {{"blocks.#.mlp.down.weight"}, "transformer.h.#.mlp.fc_out.weight"},
                       {{"blocks.#.mlp.down.bias"}, "transformer.h.#.mlp.fc_out.bias"},
                       {{"final_norm.weight"}, "transformer.ln_f.weight"},
                       {{"final_norm.bias"}, "transformer.ln_f.bias"},
                       {{"head.weight"}, "lm_head.weight"},
                       {{"head.bias"}, "lm_head.bias"},
                   }};

}  // namespace slm
