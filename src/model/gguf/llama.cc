// "llama": LLaMA 1 and 2, StableVicuna, Stable Beluga, OpenLLaMA; Mistral, whose window stock
// loaders pass over.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts& facts, DecoderSpec& spec) {
  spec.norm.kind = NormSpec::kRms;
  spec.norm.bias = false;
  spec.window =
      facts.metadata.integer_or(facts.key("attention.sliding_window"), 0, 0, kMaxPositions);
  spec.qkv_bias = facts.has_tensor("blk.0.attn_q.bias");
  spec.out_bias = facts.has_tensor("blk.0.attn_output.bias");
  spec.mlp_bias = facts.has_tensor("blk.0.ffn_up.bias");
}

void write(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata) {
  metadata.set(facts.key("vocab_size"), uint32_t(spec.vocab));
  if (spec.window > 0) metadata.set(facts.key("attention.sliding_window"), uint32_t(spec.window));
}

}  // namespace

const GgufArchitecture kGgufLlama{.name = "llama",
                                  .model_types = {"llama", "mistral"},
                                  .read = read,
                                  .write = write,
                                  .names = joined({gguf_common_names(), gguf_paired_qkv()}),
                                  .paired = true,
                                  .any_head_size = true};

}  // namespace slm
