#include "train/flops.h"

#include "model/sizes.h"

namespace slm {

TokenFlops flops_per_token(const DecoderSpec& spec, int64_t seq_length) {
  double embedding = spec.tied_head ? 0 : double(spec.vocab) * double(spec.width);
  double matrices = 6 * (double(parameter_count(spec)) - embedding);
  double scores =
      6 * double(spec.layers) * double(spec.heads * spec.head_size) * double(seq_length);
  return {.whole = matrices + 2 * scores, .causal = matrices + scores};
}

}  // namespace slm
