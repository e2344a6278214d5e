// "mpt": MPT-7B.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts& facts, DecoderSpec& spec) {
  spec.positions = Positions::kAlibi;
  spec.alibi_max_bias = float(facts.metadata.number(facts.key("attention.max_alibi_bias")));
  spec.qkv_clip = float(facts.metadata.number_or(facts.key("attention.clamp_kqv"), 0));
  spec.norm.bias = facts.has_tensor("blk.0.attn_norm.bias");
  spec.activation = Activation::kGelu;
  spec.gated = false;
  spec.qkv_bias = facts.has_tensor("blk.0.attn_qkv.bias");
  spec.out_bias = facts.has_tensor("blk.0.attn_output.bias");
  spec.mlp_bias = facts.has_tensor("blk.0.ffn_up.bias");
}

void write(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata) {
  metadata.set(facts.key("attention.max_alibi_bias"), spec.alibi_max_bias);
  if (spec.qkv_clip > 0) metadata.set(facts.key("attention.clamp_kqv"), spec.qkv_clip);
}

}  // namespace

const GgufArchitecture kGgufMpt{.name = "mpt",
                                .model_types = {"mpt"},
                                .read = read,
                                .write = write,
                                .names = joined({gguf_common_names(), gguf_stacked_qkv()})};

}  // namespace slm
