#include "train/model_shape.h"

#include "util/checked.h"
#include "util/error.h"

namespace slm {
namespace {

int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::string activation_name(const RunConfig::Shape& s) {
  if (s.activation == "swish") return "silu";
  if (s.activation == "gelu_tanh") return "gelu_new";
  bool known = s.activation == "silu" || s.activation == "gelu" || s.activation == "relu";
  check(known, "[config] activation \"{}\" is unknown; silu, gelu, gelu_tanh and relu are known",
        s.activation);
  return s.activation;
}

Json base_config(const RunConfig::Shape& s, int64_t tokens, const SpecialTokens& special) {
  Json c;
  if (special.bos) c["bos_token_id"] = *special.bos;
  if (special.eos) c["eos_token_id"] = *special.eos;
  c["hidden_act"] = activation_name(s);
  c["hidden_size"] = s.hidden;
  c["initializer_range"] = 0.02;
  c["intermediate_size"] = mlp_width(s);
  c["max_position_embeddings"] = s.max_positions;
  c["num_attention_heads"] = s.heads;
  if (s.rotary_scale != 1) c["rope_scaling"] = {{"type", "linear"}, {"factor", s.rotary_scale}};
  c["num_hidden_layers"] = s.layers;
  c["tie_word_embeddings"] = !s.untied_head;
  c["torch_dtype"] = "float32";
  c["use_cache"] = true;
  c["vocab_size"] = padded_vocabulary(s, tokens);
  return c;
}

bool qkv_bias(const RunConfig::Shape& s) { return s.qkv_bias.value_or(s.attention_bias); }

Json stablelm_config(const RunConfig::Shape& s, Json c, std::vector<std::string>& notes) {
  check(!s.parallel_residual || s.shared_norm,
        "[config] a gated MLP beside attention (gpt_j_residual) needs gpt_j_tied: no published "
        "layout has two norms there");
  check(!s.mlp_bias && !(s.attention_bias && !s.qkv_bias),
        "[config] a gated MLP needs use_bias_in_mlp and use_bias_in_attn_linear false; "
        "use_qkv_bias gives q, k and v a bias");
  check(!s.qk_norm || !s.qk_norm_bias || !s.norm_bias,
        "[config] qk_norm needs use_bias_in_qk_norm false");
  if (!s.norm_bias)
    notes.push_back("use_bias_in_norms: the stablelm layout has norm biases, they are trained");
  c["model_type"] = "stablelm";
  c["architectures"] = {"StableLmForCausalLM"};
  c["layer_norm_eps"] = s.norm_epsilon;
  c["num_key_value_heads"] = s.kv_heads;
  c["partial_rotary_factor"] = s.rotary_fraction;
  c["qk_layernorm"] = s.qk_norm;
  c["rope_theta"] = s.rotary_base;
  c["use_parallel_residual"] = s.parallel_residual;
  c["use_qkv_bias"] = qkv_bias(s);
  return c;
}

Json gpt_neox_config(const RunConfig::Shape& s, Json c) {
  check(s.norm_bias && s.attention_bias && s.mlp_bias && qkv_bias(s),
        "[config] a plain MLP is stored as gpt_neox, which has biases everywhere: leave "
        "use_bias_in_norms, use_bias_in_attn_linear and use_bias_in_mlp true");
  check(s.kv_heads == s.heads && !s.qk_norm && !(s.parallel_residual && s.shared_norm),
        "[config] a plain MLP is stored as gpt_neox, which has no num_kv_heads, qk_norm or "
        "gpt_j_tied");
  c["model_type"] = "gpt_neox";
  c["architectures"] = {"GPTNeoXForCausalLM"};
  c["attention_bias"] = true;
  c["layer_norm_eps"] = s.norm_epsilon;
  c["rotary_emb_base"] = s.rotary_base;
  c["rotary_pct"] = s.rotary_fraction;
  c["use_parallel_residual"] = s.parallel_residual;
  return c;
}

Json llama_config(const RunConfig::Shape& s, Json c) {
  check(s.mlp_type == "gated" && !s.parallel_residual && !s.qk_norm && s.rotary_fraction == 1,
        "[config] rmsnorm is stored as llama: it needs a gated MLP, gpt_j_residual false, no "
        "qk_norm and rotary_pct 1");
  check(!s.attention_bias && !s.mlp_bias && !qkv_bias(s),
        "[config] rmsnorm is stored as llama, which has no biases: set use_bias_in_attn_linear and "
        "use_bias_in_mlp to false");
  c["model_type"] = "llama";
  c["architectures"] = {"LlamaForCausalLM"};
  c["num_key_value_heads"] = s.kv_heads;
  c["rms_norm_eps"] = s.norm_epsilon;
  c["rope_theta"] = s.rotary_base;
  return c;
}

}  // namespace

int64_t padded_vocabulary(const RunConfig::Shape& s, int64_t tokens) {
  return round_up(tokens,
                  checked_mul(s.vocab_multiple, s.model_parallel, "[config] vocabulary unit"));
}

int64_t mlp_width(const RunConfig::Shape& s) {
  if (s.mlp_width > 0) return s.mlp_width;
  int64_t width = s.mlp_type == "gated" ? (8 * s.hidden + 2) / 3 : 4 * s.hidden;
  return round_up(width, s.mlp_multiple);
}

ModelConfig model_for_training(const RunConfig::Shape& s, int64_t tokens,
                               const SpecialTokens& special, std::vector<std::string>& notes) {
  check(s.positions == "rotary", "[config] pos_emb is \"{}\"; only rotary is supported",
        s.positions);
  check(!s.rotary_interleaved, "[config] rotary_interleaved: no layout that can be written has it");
  check(s.norm == "layernorm" || s.norm == "rmsnorm",
        "[config] norm is \"{}\", expected layernorm or rmsnorm", s.norm);
  check(s.mlp_type == "plain" || s.mlp_type == "gated",
        "[config] mlp_type is \"{}\", expected plain or gated", s.mlp_type);
  Json base = base_config(s, tokens, special);
  Json config = s.norm == "rmsnorm"     ? llama_config(s, std::move(base))
                : s.mlp_type == "gated" ? stablelm_config(s, std::move(base), notes)
                                        : gpt_neox_config(s, std::move(base));
  return parse_model_config(config, "run configuration");
}

}  // namespace slm
