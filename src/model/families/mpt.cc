// MPT (MosaicML, 2023): ALiBi, no biases, q, k and v in one matrix.
#include <bit>

#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.width = "d_model",
                          .layers = "n_layers",
                          .heads = "n_heads",
                          .positions = "max_seq_len",
                          .tied_otherwise = true};

float read_scale(const JsonObject& c, std::string_view key, float otherwise) {
  double scale = c.number_or(key, otherwise);
  check_data(scale > 0 || !c.has(key), "{}: key \"{}\" must be positive, found {}", c.origin(), key,
             scale);
  return float(scale);
}

void read_attention(const JsonObject& a, DecoderSpec& spec) {
  require(a, "alibi", true);
  require(a, "qk_ln", false);
  require(a, "prefix_lm", false);
  std::string type = a.string_or("attn_type", "multihead_attention");
  if (type != "multihead_attention")
    fail(ErrorKind::kUnsupported,
         "{}: key \"attn_type\" is \"{}\", only multihead_attention is supported", a.origin(),
         type);
  // The slopes of other head counts come in an order of this family's own.
  if (!std::has_single_bit(uint64_t(spec.heads)))
    fail(ErrorKind::kUnsupported, "{}: ALiBi with {} heads is not supported, only powers of two",
         a.origin(), spec.heads);
  spec.positions = Positions::kAlibi;
  spec.alibi_max_bias = read_scale(a, "alibi_bias_max", 8);
  spec.qkv_clip = read_scale(a, "clip_qkv", 0);
  spec.score_scale = read_scale(a, "softmax_scale", 0);
}

DecoderSpec read(const JsonObject& c) {
  require(c, "no_bias", true);
  DecoderSpec spec = read_sizes(c, kSizes);
  double ratio = c.number_or("expansion_ratio", 4), width = ratio * double(spec.width);
  check_data(width >= 1 && width <= double(kMaxWidth) && width == double(int64_t(width)),
             "{}: key \"expansion_ratio\" is {}, which makes an MLP {} wide", c.origin(), ratio,
             width);
  spec.mlp_width = int64_t(width);
  std::string norm = c.string_or("norm_type", "low_precision_layernorm");
  if (norm != "low_precision_layernorm" && norm != "layernorm")
    fail(ErrorKind::kUnsupported, "{}: key \"norm_type\" is \"{}\", only layernorm is supported",
         c.origin(), norm);
  spec.norm = {.eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-5f), .bias = false};
  c.at("attn_config");
  read_attention(*nested(c, "attn_config"), spec);
  spec.activation = Activation::kGelu;
  spec.gated = false;
  spec.logit_scale = read_scale(c, "logit_scale", 1);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "mpt", "MPTForCausalLM", kSizes), a{{"alibi", true}};
  auto or_null = [](float value) { return value > 0 ? Json(shortest(value)) : Json(); };
  a["alibi_bias_max"] = shortest(s.alibi_max_bias);
  a["clip_qkv"] = or_null(s.qkv_clip);
  a["softmax_scale"] = or_null(s.score_scale);
  c["attn_config"] = a;
  c["expansion_ratio"] = double(s.mlp_width) / double(s.width);
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["logit_scale"] = s.logit_scale == 1 ? Json() : Json(shortest(s.logit_scale));
  c["no_bias"] = true;
  return c;
}

}  // namespace

const Family kMpt{
    .model_types = {"mpt"},
    .read = read,
    .write = write,
    .names = {
        {{"embed.weight"}, "transformer.wte.weight"},
        {{"blocks.#.norm1.weight"}, "transformer.blocks.#.norm_1.weight"},
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "transformer.blocks.#.attn.Wqkv.weight",
         Layout::kStacked},
        {{"blocks.#.attn.out.weight"}, "transformer.blocks.#.attn.out_proj.weight"},
        {{"blocks.#.norm2.weight"}, "transformer.blocks.#.norm_2.weight"},
        {{"blocks.#.mlp.up.weight"}, "transformer.blocks.#.ffn.up_proj.weight"},
        {{"blocks.#.mlp.down.weight"}, "transformer.blocks.#.ffn.down_proj.weight"},
        {{"final_norm.weight"}, "transformer.norm_f.weight"},
        {{"head.weight"}, "lm_head.weight"},
    }};

}  // namespace slm
