// Falcon (Almazrouei et al., 2023): 7B with one kv head, 40B with several and two norms, RW with
// ALiBi. "RefinedWebModel" (7B, RW) and "RefinedWeb" (40B) are the names of the first release.
#include <cmath>

#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr int64_t kTrainedPositions = 2048;  // older configs do not say

// Several kv heads, each with a share of the query heads.
bool is_grouped(const JsonObject& c) {
  return c.boolean_or("new_decoder_architecture", c.string("model_type") == "RefinedWeb");
}

Residual read_residual(const JsonObject& c) {
  bool parallel = c.boolean_or("parallel_attn", true);
  if (!is_grouped(c)) return parallel ? Residual::kParallelShared : Residual::kSequential;
  require(c, "parallel_attn", true);
  int64_t norms = c.integer_or("num_ln_in_parallel_attn", 2, 1, 2);
  return norms == 2 ? Residual::kParallel : Residual::kParallelShared;
}

DecoderSpec read(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c, {.layers = spelled(c, {"num_hidden_layers", "n_layer"}),
                                    .heads = spelled(c, {"num_attention_heads", "n_head"}),
                                    .positions_otherwise = kTrainedPositions,
                                    .tied_otherwise = true});
  if (is_grouped(c))
    spec.kv_heads =
        c.integer_or(spelled(c, {"num_kv_heads", "n_head_kv"}), spec.heads, 1, spec.heads);
  else if (c.boolean_or("multi_query", true))
    spec.kv_heads = 1;  // whatever "num_kv_heads" says
  check_data(spec.heads % spec.kv_heads == 0, "{}: key \"num_kv_heads\" is {}, not a divisor of {}",
             c.origin(), spec.kv_heads, spec.heads);
  spec.mlp_width = c.integer_or("ffn_hidden_size", 4 * spec.width, 1, kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-5f);
  spec.residual = read_residual(c);
  if (c.boolean_or("alibi", false)) {
    spec.positions = Positions::kAlibi;
    // The bias is added before the scores are scaled.
    spec.alibi_slope = float(1 / std::sqrt(double(spec.head_size)));
  } else {
    spec.rope = read_rope(c, spec.head_size,
                          {.fraction = {"partial_rotary_factor"}, .theta = {"rope_theta"}});
  }
  spec.activation = read_activation(c, Activation::kGelu, "activation");
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = c.boolean_or("bias", false);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "falcon", "FalconForCausalLM");
  bool grouped = s.residual == Residual::kParallel || (s.kv_heads != 1 && s.kv_heads != s.heads);
  c["new_decoder_architecture"] = grouped;
  c["num_kv_heads"] = s.kv_heads;
  c["multi_query"] = s.kv_heads == 1;
  c["parallel_attn"] = s.residual != Residual::kSequential;
  if (grouped) c["num_ln_in_parallel_attn"] = s.residual == Residual::kParallel ? 2 : 1;
  c["ffn_hidden_size"] = s.mlp_width;
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["activation"] = activation_name(s.activation);
  c["bias"] = s.qkv_bias;
  c["alibi"] = s.positions == Positions::kAlibi;
  if (s.positions == Positions::kRotary) {
    write_rope(c, s, "partial_rotary_factor", "rope_theta");
    if (s.rope.dims == s.head_size) c.erase("partial_rotary_factor");
  }
  return c;
}

bool two_norms(const DecoderSpec& s) { return s.residual == Residual::kParallel; }
bool other_norms(const DecoderSpec& s) { return !two_norms(s); }

StoredName norm_row(std::string_view parameter, std::string_view stored,
                    bool (*when)(const DecoderSpec&)) {
  return {.parameters = {parameter}, .stored = stored, .when = when};
}

}  // namespace

const Family kFalcon{
    .model_types = {"falcon", "RefinedWebModel", "RefinedWeb"},
    .read = read,
    .write = write,
    .names = {
        {{"embed.weight"}, "transformer.word_embeddings.weight"},
        norm_row("blocks.#.norm1.weight", "transformer.h.#.ln_attn.weight", two_norms),
        norm_row("blocks.#.norm1.bias", "transformer.h.#.ln_attn.bias", two_norms),
        norm_row("blocks.#.norm2.weight", "transformer.h.#.ln_mlp.weight", two_norms),
        norm_row("blocks.#.norm2.bias", "transformer.h.#.ln_mlp.bias", two_norms),
        norm_row("blocks.#.norm1.weight", "transformer.h.#.input_layernorm.weight", other_norms),
        norm_row("blocks.#.norm1.bias", "transformer.h.#.input_layernorm.bias", other_norms),
        norm_row("blocks.#.norm2.weight", "transformer.h.#.post_attention_layernorm.weight",
                 other_norms),
        norm_row("blocks.#.norm2.bias", "transformer.h.#.post_attention_layernorm.bias",
                 other_norms),
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "transformer.h.#.self_attention.query_key_value.weight",
         Layout::kPerHead},
        {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
         "transformer.h.#.self_attention.query_key_value.bias",
         Layout::kPerHead},
        {{"blocks.#.attn.out.weight"}, "transformer.h.#.self_attention.dense.weight"},
        {{"blocks.#.attn.out.bias"}, "transformer.h.#.self_attention.dense.bias"},
        {{"blocks.#.mlp.up.weight"}, "transformer.h.#.mlp.dense_h_to_4h.weight"},
        {{"blocks.#.mlp.up.bias"}, "transformer.h.#.mlp.dense_h_to_4h.bias"},
        {{"blocks.#.mlp.down.weight"}, "transformer.h.#.mlp.dense_4h_to_h.weight"},
        {{"blocks.#.mlp.down.bias"}, "transformer.h.#.mlp.dense_4h_to_h.bias"},
        {{"final_norm.weight"}, "transformer.ln_f.weight"},
        {{"final_norm.bias"}, "transformer.ln_f.bias"},
        {{"head.weight"}, "lm_head.weight"},
    }};

}  // namespace slm
