// "falcon": Falcon-7B, and 40B with a norm each for attention and MLP, where the MLP's has the name
// that is the only one's elsewhere.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts& facts, DecoderSpec& spec) {
  bool two_norms = facts.has_tensor("blk.0.attn_norm_2.weight");
  spec.residual = two_norms ? Residual::kParallel : Residual::kParallelShared;
  spec.activation = Activation::kGelu;
  spec.gated = false;
}

bool one_norm(const DecoderSpec& spec) { return spec.residual != Residual::kParallel; }
bool two_norms(const DecoderSpec& spec) { return !one_norm(spec); }

StoredNames names() {
  StoredNames names = joined({gguf_common_names(), gguf_stacked_qkv()});
  for (StoredName& row : names) {
    if (row.parameters[0].starts_with("blocks.#.norm1")) row.when = one_norm;
    if (row.parameters[0] == "blocks.#.norm2.weight") row.stored = "blk.#.attn_norm.weight";
    if (row.parameters[0] == "blocks.#.norm2.bias") row.stored = "blk.#.attn_norm.bias";
  }
  StoredNames two{{{"blocks.#.norm1.weight"}, "blk.#.attn_norm_2.weight"},
                  {{"blocks.#.norm1.bias"}, "blk.#.attn_norm_2.bias"}};
  for (StoredName& row : two) row.when = two_norms;
  return joined({names, two});
}

void write(const DecoderSpec&, const GgufFacts&, GgufMetadata&) {}

}  // namespace

const GgufArchitecture kGgufFalcon{
    .name = "falcon", .model_types = {"falcon"}, .read = read, .write = write, .names = names()};

}  // namespace slm
