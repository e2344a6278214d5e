// "phi2": phi-1, phi-1.5, phi-2.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts&, DecoderSpec& spec) {
  spec.residual = Residual::kParallelShared;
  spec.activation = Activation::kGeluTanh;
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = spec.head_bias = true;
}

void write(const DecoderSpec&, const GgufFacts&, GgufMetadata&) {}

}  // namespace

const GgufArchitecture kGgufPhi2{.name = "phi2",
                                 .model_types = {"phi"},
                                 .read = read,
                                 .write = write,
                                 .names = joined({gguf_common_names(), gguf_separate_qkv()}),
                                 .head_required = true};

}  // namespace slm
