// "stablelm": StableLM-3B-4E1T, StableLM-2, Zephyr, stable-code; and StableLM-Alpha v2, whose
// decoder is of the same kind.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

// That attention and MLP run in parallel is told by the missing second norm, whatever the key says.
void read(const GgufFacts& facts, DecoderSpec& spec) {
  bool parallel = !facts.has_tensor("blk.0.ffn_norm.weight");
  spec.residual = parallel ? Residual::kParallelShared : Residual::kSequential;
  spec.qk_norm = facts.has_tensor("blk.0.attn_q_norm.weight") ? QkNorm::kPerHead : QkNorm::kNone;
  spec.qkv_bias = facts.has_tensor("blk.0.attn_q.bias");
}

void write(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata) {
  metadata.set(facts.key("use_parallel_residual"), spec.residual == Residual::kParallelShared);
}

}  // namespace

const GgufArchitecture kGgufStableLm{.name = "stablelm",
                                     .model_types = {"stablelm"},
                                     .read = read,
                                     .write = write,
                                     .names = joined({gguf_common_names(), gguf_separate_qkv()}),
                                     .head_required = true};

}  // namespace slm
