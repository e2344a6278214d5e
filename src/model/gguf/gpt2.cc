// "gpt2": GPT-2.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts&, DecoderSpec& spec) {
  spec.positions = Positions::kLearned;
  spec.activation = Activation::kGeluTanh;
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
}

void write(const DecoderSpec&, const GgufFacts&, GgufMetadata&) {}

}  // namespace

const GgufArchitecture kGgufGpt2{.name = "gpt2",
                                 .model_types = {"gpt2"},
                                 .read = read,
                                 .write = write,
                                 .names = joined({gguf_common_names(), gguf_stacked_qkv()})};

}  // namespace slm
