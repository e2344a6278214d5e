// "gptneox": StableLM-Alpha and Tuned-Alpha, Pythia, GPT-NeoX-20B.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts& facts, DecoderSpec& spec) {
  bool parallel = facts.metadata.boolean_or(facts.key("use_parallel_residual"), true);
  spec.residual = parallel ? Residual::kParallel : Residual::kSequential;
  spec.activation = Activation::kGelu;
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
}

void write(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata) {
  metadata.set(facts.key("use_parallel_residual"), spec.residual == Residual::kParallel);
}

}  // namespace

const GgufArchitecture kGgufGptNeox{.name = "gptneox",
                                    .model_types = {"gpt_neox"},
                                    .read = read,
                                    .write = write,
                                    .names = joined({gguf_common_names(), gguf_stacked_qkv()}),
                                    .head_required = true};

}  // namespace slm
