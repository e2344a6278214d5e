// BLOOM (Le Scao et al., 2022): ALiBi, and a norm after the embedding.
#include "model/families/config_keys.h"
#include "model/families/families.h"

namespace slm {
namespace {

constexpr std::string_view kPositions = "seq_length";
constexpr int64_t kTrainedPositions = 2048;  // when the config does not say

DecoderSpec read(const JsonObject& c) {
  require(c, "apply_residual_connection_post_layernorm", false);
  DecoderSpec spec = read_sizes(c, {.width = spelled(c, {"hidden_size", "n_embed"}),
                                    .layers = spelled(c, {"num_hidden_layers", "n_layer"}),
                                    .heads = spelled(c, {"num_attention_heads", "n_head"}),
                                    .positions = kPositions,
                                    .positions_otherwise = kTrainedPositions,
                                    .tied_otherwise = true});
  spec.mlp_width = 4 * spec.width;
  spec.norm.eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-5f);
  spec.positions = Positions::kAlibi;
  spec.activation = Activation::kGeluTanh;
  spec.gated = false;
  spec.embedding_norm = true;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "bloom", "BloomForCausalLM",
                       {.layers = "n_layer", .heads = "n_head", .positions = kPositions});
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["apply_residual_connection_post_layernorm"] = false;
  return c;
}

StoredNames names() {
  return {
      {{"embed.weight"}, "transformer.word_embeddings.weight"},
      {{"embed_norm.weight"}, "transformer.word_embeddings_layernorm.weight"},
      {{"embed_norm.bias"}, "transformer.word_embeddings_layernorm.bias"},
      {{"blocks.#.norm1.weight"}, "transformer.h.#.input_layernorm.weight"},
      {{"blocks.#.norm1.bias"}, "transformer.h.#.input_layernorm.bias"},
      {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
       "transformer.h.#.self_attention.query_key_value.weight",
       Layout::kPerHead},
      {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
       "transformer.h.#.self_attention.query_key_value.bias",
       Layout::kPerHead},
      {{"blocks.#.attn.out.weight"}, "transformer.h.#.self_attention.dense.weight"},
      {{"blocks.#.attn.out.bias"}, "transformer.h.#.self_attention.dense.bias"},
      {{"blocks.#.norm2.weight"}, "transformer.h.#.post_attention_layernorm.weight"},
      {{"blocks.#.norm2.bias"}, "transformer.h.#.post_attention_layernorm.bias"},
      {{"blocks.#.mlp.up.weight"}, "transformer.h.#.mlp.dense_h_to_4h.weight"},
      {{"blocks.#.mlp.up.bias"}, "transformer.h.#.mlp.dense_h_to_4h.bias"},
      {{"blocks.#.mlp.down.weight"}, "transformer.h.#.mlp.dense_4h_to_h.weight"},
      {{"blocks.#.mlp.down.bias"}, "transformer.h.#.mlp.dense_4h_to_h.bias"},
      {{"final_norm.weight"}, "transformer.ln_f.weight"},
      {{"final_norm.bias"}, "transformer.ln_f.bias"},
      {{"head.weight"}, "lm_head.weight"},
  };
}

}  // namespace

const Family kBloom{.model_types = {"bloom"},
                    .read = read,
                    .write = write,
                    .names = names(),
                    .other_names = without_prefix(names(), "transformer.")};

}  // namespace slm
