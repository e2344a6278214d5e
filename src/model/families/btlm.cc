// BTLM-3B-8K (Dey et al., 2023): GPT-2's layout with ALiBi, SwiGLU and the multipliers of muP (Yang
// et al., 2022): on the embedding, on the logits, and scores divided by the head size.
#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "model/families/gpt2_names.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.width = "n_embd",
                          .layers = "n_layer",
                          .heads = "n_head",
                          .positions = "n_positions",
                          .tied_otherwise = true};

void require_text(const JsonObject& c, std::string_view key, std::string_view only) {
  std::string found = c.string_or(key, std::string(only));
  if (found != only)
    fail(ErrorKind::kUnsupported, "{}: key \"{}\" is \"{}\", only {} is supported", c.origin(), key,
         found, only);
}

double read_scale(const JsonObject& c, Spellings keys) {
  std::string_view key = spelled(c, keys);
  double scale = c.number_or(key, 1);
  check_data(scale > 0 && scale < 1e6, "{}: key \"{}\" must lie in 0..1e6, found {}", c.origin(),
             key, scale);
  return scale;
}

// Early configs have the product of the two under one key.
float read_logit_scale(const JsonObject& c) {
  if (c.has("output_logits_scale")) return float(read_scale(c, {"output_logits_scale"}));
  return float(read_scale(c, {"mup_output_alpha"}) *
               read_scale(c, {"mup_width_scale", "width_scale"}));
}

// {"type": "linear", "factor": 2.0} flattens the slopes, so that distances count for less.
float read_alibi_slope(const JsonObject& c) {
  auto scaling = nested(c, "alibi_scaling");
  if (!scaling) return 1;
  require_text(*scaling, "type", "linear");
  double factor = scaling->number("factor");
  check_data(factor >= 1 && factor <= 100, "{}: key \"factor\" must lie in 1..100, found {}",
             scaling->origin(), factor);
  return float(1 / factor);
}

DecoderSpec read(const JsonObject& c) {
  require(c, "scale_attn_weights", true);
  require(c, "scale_attn_by_inverse_layer_idx", false);
  require_text(c, "activation_function", "swiglu");
  require_text(c, "position_embedding_type", "alibi");
  DecoderSpec spec = read_sizes(c, kSizes);
  spec.mlp_width = c.integer_or("n_inner", 4 * spec.width, 1, kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-5f);
  spec.positions = Positions::kAlibi;
  spec.alibi_slope = read_alibi_slope(c);
  spec.activation = Activation::kSilu;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
  spec.embedding_scale = float(read_scale(c, {"mup_embeddings_scale", "embeddings_scale"}));
  spec.logit_scale = read_logit_scale(c);
  if (c.boolean_or(spelled(c, {"mup_scale_qk_dot_by_d", "scale_qk_dot_by_d"}), false))
    spec.score_scale = 1 / float(spec.head_size);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "btlm", "BTLMLMHeadModel", kSizes);
  c["n_inner"] = s.mlp_width;
  c["activation_function"] = "swiglu";
  c["position_embedding_type"] = "alibi";
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["mup_embeddings_scale"] = shortest(s.embedding_scale);
  c["mup_output_alpha"] = shortest(s.logit_scale);
  c["mup_width_scale"] = 1.0;
  c["mup_scale_qk_dot_by_d"] = s.score_scale != 0;
  if (s.alibi_slope != 1)
    c["alibi_scaling"] = {{"type", "linear"}, {"factor", 1 / double(s.alibi_slope)}};
  return c;
}

// GPT-2's, and a gate in the MLP.
StoredNames names() {
  StoredNames names = gpt2_names();
  names.push_back(
      {{"blocks.#.mlp.gate.weight"}, "transformer.h.#.mlp.c_fc2.weight", Layout::kTransposed});
  names.push_back({{"blocks.#.mlp.gate.bias"}, "transformer.h.#.mlp.c_fc2.bias"});
  return names;
}

}  // namespace

const Family kBtlm{.model_types = {"btlm"}, .read = read, .write = write, .names = names()};

}  // namespace slm
