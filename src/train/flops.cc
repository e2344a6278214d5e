#include "train/flops.h"

#include "model/sizes.h"

namespace slm {

double causal_flops_per_token(const DecoderSpec& spec, int64_t seq_length) {
  double embedding = spec.tied_head ? 0 : double(spec.vocab) * double(spec.width);
  return 6 * (double(parameter_count(spec)) - embedding) +
         6 * double(spec.layers) * double(spec.heads * spec.head_size) * double(seq_length);
}

double flops_per_token(const DecoderSpec& spec, int64_t seq_length) {
  return causal_flops_per_token(spec, seq_length) +
         6 * double(spec.layers) * double(spec.heads * spec.head_size) * double(seq_length);
}

}  // namespace slm
