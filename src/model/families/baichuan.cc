// Baichuan-7B and Baichuan2-7B (Yang et al., 2023): LLaMA with q, k and v in one matrix; the second
// divides the rows of its output matrix by their lengths. The 13B models have ALiBi and are not
// here.
#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "util/error.h"

namespace slm {
namespace {

// Only the second generation's configs have it.
constexpr std::string_view kSecondGeneration = "z_loss_weight";

DecoderSpec read(const JsonObject& c) {
  if (!c.has("max_position_embeddings"))
    fail(ErrorKind::kUnsupported,
         "{}: no key \"max_position_embeddings\", as in the 13B models, whose positions are not "
         "supported in this family; the 7B models are",
         c.origin());
  DecoderSpec spec = read_sizes(c);
  spec.mlp_width = read_extent(c, "intermediate_size", kMaxWidth);
  spec.norm = {
      .kind = NormSpec::kRms, .eps = read_epsilon(c, {"rms_norm_eps"}, 1e-6f), .bias = false};
  spec.rope = {.dims = spec.head_size};
  spec.activation = read_activation(c, Activation::kSilu);
  spec.normalized_head = c.has(kSecondGeneration);
  spec.padding_id = read_padding(c, spec.vocab);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c =
      write_sizes(s, "baichuan", s.normalized_head ? "BaichuanForCausalLM" : "BaiChuanForCausalLM");
  c["intermediate_size"] = s.mlp_width;
  c["rms_norm_eps"] = shortest(s.norm.eps);
  c["hidden_act"] = activation_name(s.activation);
  if (s.normalized_head) c[kSecondGeneration] = 0;
  return c;
}

}  // namespace

const Family kBaichuan{
    .model_types = {"baichuan"},
    .read = read,
    .write = write,
    .names = {
        {{"embed.weight"}, "model.embed_tokens.weight"},
        {{"blocks.#.norm1.weight"}, "model.layers.#.input_layernorm.weight"},
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "model.layers.#.self_attn.W_pack.weight",
         Layout::kStacked},
        {{"blocks.#.attn.out.weight"}, "model.layers.#.self_attn.o_proj.weight"},
        {{"blocks.#.norm2.weight"}, "model.layers.#.post_attention_layernorm.weight"},
        {{"blocks.#.mlp.gate.weight"}, "model.layers.#.mlp.gate_proj.weight"},
        {{"blocks.#.mlp.up.weight"}, "model.layers.#.mlp.up_proj.weight"},
        {{"blocks.#.mlp.down.weight"}, "model.layers.#.mlp.down_proj.weight"},
        {{"final_norm.weight"}, "model.norm.weight"},
        {{"head.weight"}, "lm_head.weight"},
    }};

}  // namespace slm
