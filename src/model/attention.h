// Multi-head attention of one block, for training and inference.
#pragma once

#include <memory>

#include "model/kv_cache.h"
#include "model/linear.h"
#include "model/shared_keys.h"
#include "model/token_batch.h"
#include "ops/attention.h"

namespace slm {

// What all layers share in one forward pass over a batch.
struct AttentionPlan {
  Tensor query_rotation, key_rotation;     // [T, rotated dims] f32; absent without rotary positions
  std::vector<AttentionSegment> segments;  // which keys each sequence's queries see
  std::vector<RowRun> appended;            // where the batch's keys and values go in the cache
  AttentionSpec scores;
  std::vector<RowRun> key_runs;  // of a tree with branches: where its keys are laid out anew
  int64_t key_rows = 0;          // rows of that; 0: keys are used where they are
};
// `cache` null: the keys are the batch itself. What helps to read on past the trained length is
// left out while a tape records: training is at that length.
std::shared_ptr<const AttentionPlan> plan_attention(Context& cx, const DecoderSpec& spec,
                                                    const TokenBatch& batch, const KvCache* cache);

class Attention {
 public:
  Attention(const DecoderSpec& spec, const Parameters& parameters, const std::string& name);

  // x: [T, D] -> [T, D]. With a cache, this batch's keys and values are written behind those of
  // each sequence first.
  Tensor operator()(Context& cx, const Tensor& x, const AttentionPlan& plan,
                    const KvCache::Layer* cache) const;

 private:
  DecoderSpec spec_;
  Linear q_, k_, v_, out_;
  Tensor q_norm_, k_norm_;  // [H, E], [K, E]; absent without qk norm
  uint64_t stream_;         // of dropout, of the first head here
};

}  // namespace slm
