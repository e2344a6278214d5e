// Qwen-7B, the first version (Bai et al., 2023): LLaMA with q, k and v in one matrix with a bias,
// and two ways to read on past the trained length (core/layer_spec.h).
#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.positions = "max_position_embeddings"};

DecoderSpec read(const JsonObject& c) {
  require(c, "no_bias", true);
  require(c, "scale_attn_weights", true);
  int64_t trained = read_extent(c, "seq_length", kMaxPositions);
  SizeKeys sizes = kSizes;
  sizes.positions_otherwise = trained;
  DecoderSpec spec = read_sizes(c, sizes);
  spec.head_size = c.integer_or("kv_channels", spec.head_size, 1, kMaxWidth / spec.heads);
  int64_t both = read_extent(c, "intermediate_size", kMaxWidth);
  check_data(both % 2 == 0, "{}: key \"intermediate_size\" is {}, expected twice the MLP width",
             c.origin(), both);
  spec.mlp_width = both / 2;
  spec.norm = {
      .kind = NormSpec::kRms, .eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-6f), .bias = false};
  spec.rope =
      read_rope(c, spec.head_size, {.fraction = {"rotary_pct"}, .theta = {"rotary_emb_base"}});
  if (c.boolean_or("use_dynamic_ntk", true)) spec.rope.ntk_length = trained;
  if (c.boolean_or("use_logn_attn", true)) spec.rope.log_n_length = trained;
  spec.qkv_bias = true;
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "qwen", "QWenLMHeadModel", kSizes);
  const Rope& rope = s.rope;
  c["seq_length"] = std::max({rope.ntk_length, rope.log_n_length, int64_t{1}});
  c["kv_channels"] = s.head_size;
  c["intermediate_size"] = 2 * s.mlp_width;
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["no_bias"] = true;
  c["use_dynamic_ntk"] = rope.ntk_length > 0;
  c["use_logn_attn"] = rope.log_n_length > 0;
  write_rope(c, s, "rotary_pct", "rotary_emb_base");
  return c;
}

}  // namespace

const Family kQwen{
    .model_types = {"qwen"},
    .read = read,
    .write = write,
    .names = {
        {{"embed.weight"}, "transformer.wte.weight"},
        {{"blocks.#.norm1.weight"}, "transformer.h.#.ln_1.weight"},
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "transformer.h.#.attn.c_attn.weight",
         Layout::kStacked},
        {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
         "transformer.h.#.attn.c_attn.bias",
         Layout::kStacked},
        {{"blocks.#.attn.out.weight"}, "transformer.h.#.attn.c_proj.weight"},
        {{"blocks.#.norm2.weight"}, "transformer.h.#.ln_2.weight"},
        {{"blocks.#.mlp.up.weight"}, "transformer.h.#.mlp.w1.weight"},
        {{"blocks.#.mlp.gate.weight"}, "transformer.h.#.mlp.w2.weight"},
        {{"blocks.#.mlp.down.weight"}, "transformer.h.#.mlp.c_proj.weight"},
        {{"final_norm.weight"}, "transformer.ln_f.weight"},
        {{"head.weight"}, "lm_head.weight"},
    }};

}  // namespace slm
