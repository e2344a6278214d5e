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
  layout.linear(block + "attn.out", s.width, q, s.out_bias, ParameterRole::kOutput);
  if (s.residual != Residual::kParallelShared) layout.norm(block + "norm2", {s.width}, norm_bias);
  if (s.gated)
    layout.linear(block + "mlp.gate", s.mlp_width, s.width, s.mlp_bias, ParameterRole::kInput);
  layout.linear(block + "mlp.up", s.mlp_width, s.width, s.mlp_bias, ParameterRole::kInput);
  layout.linear(block + "mlp.down", s.width, s.mlp_width, s.mlp_bias, ParameterRole::kOutput);
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
  check(s.rope.dims > 0 && s.rope.dims <= s.head_size && s.rope.dims % 2 == 0,
        "[spec] {} rotated values in heads of {}: expected an even number from 2 to the head size",
        s.rope.dims, s.head_size);
  check(s.rope.theta > 0 && s.rope.scale > 0, "[spec] rotary base {} and scale {} must be positive",
        s.rope.theta, s.rope.scale);
  check(s.padding_id >= -1 && s.padding_id < s.vocab,
        "[spec] padding token {} is outside the vocabulary of {}", s.padding_id, s.vocab);
  check(s.norm.eps >= 0 && s.norm.eps < 1, "[spec] norm epsilon {} must lie in 0..1", s.norm.eps);
}

std::vector<ParameterSpec> parameter_specs(const DecoderSpec& s) {
  std::vector<ParameterSpec> specs;
  Layout layout(specs);
  layout.linear("embed", s.vocab, s.width, false, ParameterRole::kEmbedding);
  for (int64_t i = 0; i < s.layers; ++i) add_block(layout, s, format("blocks.{}.", i));
  layout.norm("final_norm", {s.width}, s.norm.kind == NormSpec::kLayer && s.norm.bias);
  if (!s.tied_head) layout.linear("head", s.vocab, s.width, false, ParameterRole::kHead);
  return specs;
}

}  // namespace slm
