// "llama": LLaMA 1 and 2, StableVicuna, Stable Beluga, OpenLLaMA.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts& facts, DecoderSpec& spec) {
  spec.norm.kind = NormSpec::kRms;
  spec.norm.bias = false;
  spec.qkv_bias = facts.has_tensor("blk.0.attn_q.bias");
  spec.out_bias = facts.has_tensor("blk.0.attn_output.bias");
  spec.mlp_bias = facts.has_tensor("blk.0.ffn_up.bias");
}

void write(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata) {
  metadata.set(facts.key("vocab_size"), uint32_t(spec.vocab));
}

StoredNames names(const DecoderSpec&) { return joined({gguf_common_names(), gguf_paired_qkv()}); }

}  // namespace

const GgufArchitecture kGgufLlama{
    .name = "llama", .model_types = {"llama"}, .read = read, .write = write, .names = names};

}  // namespace slm
