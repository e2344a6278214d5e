// phi-1, phi-1.5 and phi-2 (Gunasekar et al., 2023; Li et al., 2023): attention and MLP beside each
// other behind one norm, biases everywhere. Three layouts of the same model, oldest last.
#include "model/families/config_keys.h"
#include "model/families/families.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr SizeKeys kSizes{.kv_heads = "num_key_value_heads"};
constexpr SizeKeys kOldSizes{
    .width = "n_embd", .layers = "n_layer", .heads = "n_head", .positions = "n_positions"};

void make_phi(DecoderSpec& spec) {
  spec.residual = Residual::kParallelShared;
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = spec.head_bias = true;
}

DecoderSpec read(const JsonObject& c) {
  require(c, "qk_layernorm", false);
  DecoderSpec spec = read_sizes(c, kSizes);
  make_phi(spec);
  spec.mlp_width = c.integer_or("intermediate_size", 4 * spec.width, 1, kMaxWidth);
  spec.norm.eps = read_epsilon(c, {"layer_norm_eps"}, 1e-5f);
  spec.rope = read_rope(
      c, spec.head_size,
      {.fraction = {"partial_rotary_factor"}, .theta = {"rope_theta"}, .default_fraction = 0.5});
  spec.activation = read_activation(c, Activation::kGeluTanh);
  spec.padding_id = read_padding(c, spec.vocab);
  return spec;
}

Json write(const DecoderSpec& s) {
  Json c = write_sizes(s, "phi", "PhiForCausalLM", kSizes);
  c["intermediate_size"] = s.mlp_width;
  c["layer_norm_eps"] = shortest(s.norm.eps);
  c["hidden_act"] = activation_name(s.activation);
  write_rope(c, s, "partial_rotary_factor", "rope_theta");
  return c;
}

DecoderSpec read_old(const JsonObject& c) {
  DecoderSpec spec = read_sizes(c, kOldSizes);
  make_phi(spec);
  spec.mlp_width = c.integer_or("n_inner", 4 * spec.width, 1, kMaxWidth);
  int64_t kv_heads = c.integer_or("n_head_kv", spec.heads, 1, spec.heads);
  if (kv_heads != spec.heads)
    fail(ErrorKind::kUnsupported, "{}: key \"n_head_kv\" is {}, only {} is supported", c.origin(),
         kv_heads, spec.heads);
  spec.norm.eps = read_epsilon(c, {"layer_norm_epsilon"}, 1e-5f);
  spec.rope.dims = c.integer_or("rotary_dim", 32, 2, spec.head_size);
  spec.activation = read_activation(c, Activation::kGeluTanh, "activation_function");
  return spec;
}

Json write_old(const DecoderSpec& s, std::string_view model_type, std::string_view architecture) {
  Json c = write_sizes(s, model_type, architecture, kOldSizes);
  c["n_inner"] = s.mlp_width;
  c["rotary_dim"] = s.rope.dims;
  c["layer_norm_epsilon"] = shortest(s.norm.eps);
  c["activation_function"] = activation_name(s.activation);
  return c;
}

Json write_mixer(const DecoderSpec& s) { return write_old(s, "phi-msft", "PhiForCausalLM"); }
Json write_mixformer(const DecoderSpec& s) {
  return write_old(s, "mixformer-sequential", "MixFormerSequentialForCausalLM");
}

}  // namespace

const Family kPhi{.model_types = {"phi"},
                  .read = read,
                  .write = write,
                  .names = {
                      {{"embed.weight"}, "model.embed_tokens.weight"},
                      {{"blocks.#.norm1.weight"}, "model.layers.#.input_layernorm.weight"},
                      {{"blocks.#.norm1.bias"}, "model.layers.#.input_layernorm.bias"},
                      {{"blocks.#.attn.q.weight"}, "model.layers.#.self_attn.q_proj.weight"},
                      {{"blocks.#.attn.q.bias"}, "model.layers.#.self_attn.q_proj.bias"},
                      {{"blocks.#.attn.k.weight"}, "model.layers.#.self_attn.k_proj.weight"},
                      {{"blocks.#.attn.k.bias"}, "model.layers.#.self_attn.k_proj.bias"},
                      {{"blocks.#.attn.v.weight"}, "model.layers.#.self_attn.v_proj.weight"},
                      {{"blocks.#.attn.v.bias"}, "model.layers.#.self_attn.v_proj.bias"},
                      {{"blocks.#.attn.out.weight"}, "model.layers.#.self_attn.dense.weight"},
                      {{"blocks.#.attn.out.bias"}, "model.layers.#.self_attn.dense.bias"},
                      {{"blocks.#.mlp.up.weight"}, "model.layers.#.mlp.fc1.weight"},
                      {{"blocks.#.mlp.up.bias"}, "model.layers.#.mlp.fc1.bias"},
                      {{"blocks.#.mlp.down.weight"}, "model.layers.#.mlp.fc2.weight"},
                      {{"blocks.#.mlp.down.bias"}, "model.layers.#.mlp.fc2.bias"},
                      {{"final_norm.weight"}, "model.final_layernorm.weight"},
                      {{"final_norm.bias"}, "model.final_layernorm.bias"},
                      {{"head.weight"}, "lm_head.weight"},
                      {{"head.bias"}, "lm_head.bias"},
                  }};

const Family kPhiMixer{
    .model_types = {"phi-msft"},
    .read = read_old,
    .write = write_mixer,
    .names = {
        {{"embed.weight"}, "transformer.embd.wte.weight"},
        {{"blocks.#.norm1.weight"}, "transformer.h.#.ln.weight"},
        {{"blocks.#.norm1.bias"}, "transformer.h.#.ln.bias"},
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "transformer.h.#.mixer.Wqkv.weight",
         Layout::kStacked},
        {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
         "transformer.h.#.mixer.Wqkv.bias",
         Layout::kStacked},
        {{"blocks.#.attn.out.weight"}, "transformer.h.#.mixer.out_proj.weight"},
        {{"blocks.#.attn.out.bias"}, "transformer.h.#.mixer.out_proj.bias"},
        {{"blocks.#.mlp.up.weight"}, "transformer.h.#.mlp.fc1.weight"},
        {{"blocks.#.mlp.up.bias"}, "transformer.h.#.mlp.fc1.bias"},
        {{"blocks.#.mlp.down.weight"}, "transformer.h.#.mlp.fc2.weight"},
        {{"blocks.#.mlp.down.bias"}, "transformer.h.#.mlp.fc2.bias"},
        {{"final_norm.weight"}, "lm_head.ln.weight"},
        {{"final_norm.bias"}, "lm_head.ln.bias"},
        {{"head.weight"}, "lm_head.linear.weight"},
        {{"head.bias"}, "lm_head.linear.bias"},
    }};

// One list of modules: the embedding is number 0, blocks count from 1, the head comes last.
const Family kMixformer{
    .model_types = {"mixformer-sequential"},
    .read = read_old,
    .write = write_mixformer,
    .names = {
        {{"embed.weight"}, "layers.0.wte.weight"},
        {{"blocks.#.norm1.weight"}, "layers.^.ln.weight"},
        {{"blocks.#.norm1.bias"}, "layers.^.ln.bias"},
        {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
         "layers.^.mixer.Wqkv.weight",
         Layout::kStacked},
        {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
         "layers.^.mixer.Wqkv.bias",
         Layout::kStacked},
        {{"blocks.#.attn.out.weight"}, "layers.^.mixer.out_proj.weight"},
        {{"blocks.#.attn.out.bias"}, "layers.^.mixer.out_proj.bias"},
        {{"blocks.#.mlp.up.weight"}, "layers.^.mlp.fc1.weight"},
        {{"blocks.#.mlp.up.bias"}, "layers.^.mlp.fc1.bias"},
        {{"blocks.#.mlp.down.weight"}, "layers.^.mlp.fc2.weight"},
        {{"blocks.#.mlp.down.bias"}, "layers.^.mlp.fc2.bias"},
        {{"final_norm.weight"}, "layers.$.ln.weight"},
        {{"final_norm.bias"}, "layers.$.ln.bias"},
        {{"head.weight"}, "layers.$.linear.weight"},
        {{"head.bias"}, "layers.$.linear.bias"},
    }};

}  // namespace slm
