// OPT (Zhang et al., 2022): a table of positions whose first two rows no token uses.
#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.tied_otherwise = true};
constexpr int64_t kUnusedRows = 2;

DecoderSpec read(const JsonObject& c) {
  require(c, "do_layer_norm_before", true);
  require(c, "_remove_final_layer_norm", false);
  require(c, "enable_bias", true);
  require(c, "layer_norm_elementwise_affine", true);
  DecoderSpec spec = read_sizes(c, kSizes);
  int64_t embedded = c.integer_or("word_embed_proj_dim", spec.width, 1, kMaxWidth);
  if (embedded != spec.width)
    fail(ErrorKind::kUnsupported,
         "{}: key \"word_embed_proj_dim\" is {}, only the hidden_size {} is supported", c.origin(),
         embedded, spec.width);
  spec.mlp_width = read_extent(c, "ffn_dim", kMaxWidth);
  spec.positions = Positions::kLearned;
  spec.position_offset = kUnusedRows;
  spec.activation = read_activation(c, Activation::kRelu, "activation_function");
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
  spec.padding_id = read_padding(c, spec.vocab);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "opt", "OPTForCausalLM", kSizes);
  c["ffn_dim"] = s.mlp_width;
  c["word_embed_proj_dim"] = s.width;
  c["activation_function"] = activation_name(s.activation);
  c["do_layer_norm_before"] = true;
  return c;
}

StoredNames names() {
  return {
      {{"embed.weight"}, "model.decoder.embed_tokens.weight"},
      {{"positions.weight"}, "model.decoder.embed_positions.weight"},
      {{"blocks.#.norm1.weight"}, "model.decoder.layers.#.self_attn_layer_norm.weight"},
      {{"blocks.#.norm1.bias"}, "model.decoder.layers.#.self_attn_layer_norm.bias"},
      {{"blocks.#.attn.q.weight"}, "model.decoder.layers.#.self_attn.q_proj.weight"},
      {{"blocks.#.attn.q.bias"}, "model.decoder.layers.#.self_attn.q_proj.bias"},
      {{"blocks.#.attn.k.weight"}, "model.decoder.layers.#.self_attn.k_proj.weight"},
      {{"blocks.#.attn.k.bias"}, "model.decoder.layers.#.self_attn.k_proj.bias"},
      {{"blocks.#.attn.v.weight"}, "model.decoder.layers.#.self_attn.v_proj.weight"},
      {{"blocks.#.attn.v.bias"}, "model.decoder.layers.#.self_attn.v_proj.bias"},
      {{"blocks.#.attn.out.weight"}, "model.decoder.layers.#.self_attn.out_proj.weight"},
      {{"blocks.#.attn.out.bias"}, "model.decoder.layers.#.self_attn.out_proj.bias"},
      {{"blocks.#.norm2.weight"}, "model.decoder.layers.#.final_layer_norm.weight"},
      {{"blocks.#.norm2.bias"}, "model.decoder.layers.#.final_layer_norm.bias"},
      {{"blocks.#.mlp.up.weight"}, "model.decoder.layers.#.fc1.weight"},
      {{"blocks.#.mlp.up.bias"}, "model.decoder.layers.#.fc1.bias"},
      {{"blocks.#.mlp.down.weight"}, "model.decoder.layers.#.fc2.weight"},
      {{"blocks.#.mlp.down.bias"}, "model.decoder.layers.#.fc2.bias"},
      {{"final_norm.weight"}, "model.decoder.final_layer_norm.weight"},
      {{"final_norm.bias"}, "model.decoder.final_layer_norm.bias"},
      {{"head.weight"}, "lm_head.weight"},
  };
}

}  // namespace

const Family kOpt{.model_types = {"opt"},
                  .read = read,
                  .write = write,
                  .names = names(),
                  .other_names = without_prefix(names(), "model.")};

}  // namespace slm
