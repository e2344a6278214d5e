// "qwen2": Qwen1.5 and Qwen2. "qwen": Qwen-7B, the first, whose files keep its doubled MLP width.
#include "model/gguf/architecture.h"
#include "model/gguf/tensor_names.h"

namespace slm {
namespace {

void read(const GgufFacts&, DecoderSpec& spec) {
  spec.norm.kind = NormSpec::kRms;
  spec.norm.bias = false;
  spec.qkv_bias = true;
}

void read_doubled(const GgufFacts& facts, DecoderSpec& spec) {
  read(facts, spec);
  check_data(spec.mlp_width % 2 == 0, "{}: key \"{}\" is {}, expected an even number",
             facts.metadata.origin(), facts.key("feed_forward_length"), spec.mlp_width);
  spec.mlp_width /= 2;
}

void write(const DecoderSpec&, const GgufFacts&, GgufMetadata&) {}

void write_doubled(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata) {
  metadata.set(facts.key("feed_forward_length"), uint32_t(2 * spec.mlp_width));
}

}  // namespace

const GgufArchitecture kGgufQwen2{.name = "qwen2",
                                  .model_types = {"qwen2"},
                                  .read = read,
                                  .write = write,
                                  .names = joined({gguf_common_names(), gguf_separate_qkv()})};

const GgufArchitecture kGgufQwen{.name = "qwen",
                                 .model_types = {"qwen"},
                                 .read = read_doubled,
                                 .write = write_doubled,
                                 .names = joined({gguf_common_names(), gguf_stacked_qkv()}),
                                 .head_required = true};

}  // namespace slm
