// "bloom": BLOOM.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts&, DecoderSpec& spec) {
  spec.positions = Positions::kAlibi;  // with the bias of 8 that is the default
  spec.embedding_norm = true;
  spec.activation = Activation::kGeluTanh;
  spec.gated = false;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
}

void write(const DecoderSpec&, const GgufFacts&, GgufMetadata&) {}

}  // namespace

const GgufArchitecture kGgufBloom{.name = "bloom",
                                  .model_types = {"bloom"},
                                  .read = read,
                                  .write = write,
                                  .names = joined({gguf_common_names(), gguf_stacked_qkv()})};

}  // namespace slm
