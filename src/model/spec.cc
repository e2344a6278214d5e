#include "model/spec.h"

#include "util/error.h"

namespace slm {
namespace {

void check_extent(std::string_view name, int64_t value, int64_t most) {
  check(value > 0 && value <= most, "[spec] {} is {}, expected 1..{}", name, value, most);
}

// Collects specs under a common prefix.
class Layout {
 public:
  explicit Layout(std::vector<ParameterSpec>& specs) : specs_(specs) {}

  void linear(const std::string& name, int64_t out, int64_t in, bool bias, ParameterRole role) {
    specs_.push_back({name + ".weight", {out, in}, role});
    if (bias) specs_.push_back({name + ".bias", {out}, ParameterRole::kBias});
  }
  void norm(const std::string& name, const Shape& shape, bool bias) {
    specs_.push_back({name + ".weight", shape, ParameterRole::kNormWeight});
    if (bias) specs_.push_back({name + ".bias", shape, ParameterRole::kBias});
  }

 private:
  std::vector<ParameterSpec>& specs_;
};

void add_block(Layout& layout, const DecoderSpec& s, const std::string& block) {
  bool norm_bias = s.norm.kind == NormSpec::kLayer && s.norm.bias;
  int64_t q = s.heads * s.head_size, kv = s.kv_heads * s.head_size;
  layout.norm(block + "norm1", {s.width}, norm_bias);
  layout.linear(block + "attn.q", q, s.width, s.qkv_bias, ParameterRole::kInput);
  layout.linear(block + "attn.k", kv, s.width, s.qkv_bias, ParameterRole::kInput);
  layout.linear(block + "attn.v", kv, s.width, s.qkv_bias, ParameterRole::kInput);
  if (s.qk_norm == QkNorm::kPerHead) {
    layout.norm(block + "attn.q_norm", {s.heads, s.head_size}, false);
    layout.norm(block + "attn.k_norm", {s.kv_heads, s.head_size}, false);
  }
  bool first = s.part == 0;
  layout.linear(block + "attn.out", s.width, q, s.out_bias && first, ParameterRole::kOutput);
  if (s.residual != Residual::kParallelShared) layout.norm(block + "norm2", {s.width}, norm_bias);
  if (s.gated)
    layout.linear(block + "mlp.gate", s.mlp_width, s.width, s.mlp_bias, ParameterRole::kInput);
  layout.linear(block + "mlp.up", s.mlp_width, s.width, s.mlp_bias, ParameterRole::kInput);
  layout.linear(block + "mlp.down", s.width, s.mlp_width, s.mlp_bias && first,
                ParameterRole::kOutput);
}

void check_rotary(const DecoderSpec& s) {
  const Rope& rope = s.rope;
  check(rope.dims > 0 && rope.dims <= s.head_size && rope.dims % 2 == 0,
        "[spec] {} rotated values in heads of {}: expected an even number from 2 to the head size",
        rope.dims, s.head_size);
  check(rope.theta > 0 && rope.scale > 0, "[spec] rotary base {} and scale {} must be positive",
        rope.theta, rope.scale);
  check(rope.ntk_length >= 0 && rope.log_n_length >= 0 && rope.log_n_length != 1,
        "[spec] trained lengths {} and {} must be positive", rope.ntk_length, rope.log_n_length);
  check((rope.ntk_length == 0 && rope.log_n_length == 0) || rope.dims == s.head_size,
        "[spec] reading on past the trained length needs whole heads rotated, not {} of {} values",
        rope.dims, s.head_size);
  check(rope.ntk_length == 0 || rope.dims > 2, "[spec] heads of 2 have no base that can be raised");
}

void check_positions(const DecoderSpec& s) {
  if (s.positions == Positions::kRotary)
    check_rotary(s);
  else
    check(s.rope == Rope{}, "[spec] rotary values without rotary positions");
  bool alibi = s.positions == Positions::kAlibi, learned = s.positions == Positions::kLearned;
  check(alibi || (s.alibi_slope == 1 && s.alibi_max_bias == 8),
        "[spec] ALiBi values without ALiBi positions");
  check(s.alibi_slope > 0 && s.alibi_slope <= 1e3 && s.alibi_max_bias > 0 && s.alibi_max_bias < 1e3,
        "[spec] ALiBi slope {} and largest bias {} must be positive and below 1000", s.alibi_slope,
        s.alibi_max_bias);
  check(s.position_offset >= 0 && s.position_offset <= (learned ? kMaxPositions : 0),
        "[spec] a position offset of {}", s.position_offset);
  check(s.window >= 0 && (s.window == 0 || s.positions == Positions::kRotary),
        "[spec] a window of {} tokens: only supported with rotary positions", s.window);
  check(s.qk_norm == QkNorm::kNone || s.positions == Positions::kRotary,
        "[spec] norms of q and k are only supported with rotary positions");
}

void check_scales(const DecoderSpec& s) {
  auto lies_in = [](float value, float least, float most) {
    return value >= least && value <= most;  // false for NaN
  };
  check(lies_in(s.embedding_scale, 1e-6f, 1e6f) && lies_in(s.logit_scale, 1e-6f, 1e6f),
        "[spec] embedding scale {} and logit scale {} must lie in 1e-6..1e6", s.embedding_scale,
        s.logit_scale);
  check(lies_in(s.score_scale, 0, 1e3f) && lies_in(s.qkv_clip, 0, 1e6f),
        "[spec] score scale {} must lie in 0..1e3, q k v clip {} in 0..1e6", s.score_scale,
        s.qkv_clip);
}

}  // namespace

void validate(const DecoderSpec& s) {
  check_extent("vocabulary", s.vocab, kMaxVocab);
  check_extent("width", s.width, kMaxWidth);
  check_extent("number of layers", s.layers, kMaxLayers);
  check_extent("number of heads", s.heads, kMaxWidth);
  check_extent("number of kv heads", s.kv_heads, s.heads);
  check_extent("head size", s.head_size, kMaxWidth / s.heads);
  check_extent("mlp width", s.mlp_width, kMaxWidth);
  check_extent("number of positions", s.max_positions, kMaxPositions);
  check(s.heads % s.kv_heads == 0, "[spec] {} heads cannot share {} kv heads evenly", s.heads,
        s.kv_heads);
  check_positions(s);
  check_scales(s);
  check(!s.normalized_head || (!s.tied_head && !s.head_bias),
        "[spec] a normalised output matrix that is tied to the embedding or has a bias is not "
        "supported");
  check(s.padding_id >= -1 && s.padding_id < s.vocab,
        "[spec] padding token {} is outside the vocabulary of {}", s.padding_id, s.vocab);
  check(s.norm.eps >= 0 && s.norm.eps < 1, "[spec] norm epsilon {} must lie in 0..1", s.norm.eps);
  check(0 <= s.part && s.part < s.parts && s.parts <= kMaxWidth, "[spec] part {} of {}", s.part,
        s.parts);
}

std::vector<ParameterSpec> parameter_specs(const DecoderSpec& s) {
  std::vector<ParameterSpec> specs;
  Layout layout(specs);
  bool norm_bias = s.norm.kind == NormSpec::kLayer && s.norm.bias;
  layout.linear("embed", s.vocab, s.width, false, ParameterRole::kEmbedding);
  if (s.positions == Positions::kLearned)
    layout.linear("positions", s.max_positions + s.position_offset, s.width, false,
                  ParameterRole::kEmbedding);
  if (s.embedding_norm) layout.norm("embed_norm", {s.width}, norm_bias);
  for (int64_t i = 0; i < s.layers; ++i) add_block(layout, s, format("blocks.{}.", i));
  layout.norm("final_norm", {s.width}, norm_bias);
  if (!s.tied_head) layout.linear("head", s.vocab, s.width, false, ParameterRole::kHead);
  if (s.head_bias) specs.push_back({"head.bias", {s.vocab}, ParameterRole::kBias});
  return specs;
}

}  // namespace slm
