// A tree of texts that share beginnings (TokenBatch::tree): where each text finds the keys of its
// whole path from the root. Kernels want them in consecutive rows, so each path from the root to a
// leaf is laid out once, by copying; what branches see of it is its beginning.
#pragma once

#include <vector>

#include "backend/arguments.h"
#include "model/token_batch.h"

namespace slm {

struct SharedKeys {
  std::vector<AttentionSegment> segments;  // one per sequence, keys as laid out
  std::vector<RowRun> runs;                // of the batch; none when no sequence branches off
  int64_t rows = 0;                        // of what is laid out; 0: the batch's own rows serve
};
SharedKeys share_keys(const TokenBatch& batch);

}  // namespace slm
