// "baichuan": Baichuan-7B and Baichuan2-7B. Read only: the decoder is LLaMA's, as which it is
// written.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts&, DecoderSpec& spec) {
  spec.norm.kind = NormSpec::kRms;
  spec.norm.bias = false;
  // Stock loaders tell the 13B model, which has no rotation, by its layers.
  if (spec.layers == 40) spec.positions = Positions::kAlibi;
}

void write(const DecoderSpec&, const GgufFacts&, GgufMetadata&) {}

}  // namespace

const GgufArchitecture kGgufBaichuan{.name = "baichuan",
                                     .model_types = {"llama"},
                                     .read = read,
                                     .write = write,
                                     .names = joined({gguf_common_names(), gguf_paired_qkv()}),
                                     .head_required = true,
                                     .paired = true};

}  // namespace slm
