// How a call of attention is cut up for the threads.
#pragma once

#include <vector>

#include "backend/arguments.h"
#include "backend/cpu/kernels.h"

namespace slm::cpu {

// Kv heads K: k is [Tk, K, E], in blocks [Tk, K * E].
int64_t kv_heads_of(const AttentionArgs& a);

// Few queries are decoded: reading the keys once is all that counts then. This adds up in another
// order, and dropout is not for it.
bool decodes(const AttentionArgs& a, const AttentionSegment& s);

// Where tensors lie, as f32 but for keys and values.
struct AttentionPointers {
  const float *q, *slopes;
  float *y, *lse;
  TokenRows k, v;  // of the first token
};

// A segment seen from one kv head on.
AttentionHead head_of(const AttentionArgs& a, const AttentionSegment& s, int64_t kv_head,
                      const AttentionPointers& p);

// A share of the forward pass: some kv heads of a segment and, in decoding, the keys it looks at,
// else the queries. What it computes does not depend on how many there are.
struct ForwardJob {
  AttentionSegment segment;
  int64_t kv_begin, kv_end;
  int64_t begin, end;  // of keys in decoding, else of queries
  int64_t sums = -1;   // place of its sums, in floats; -1: it looks at all keys
};

// The sums of one segment's shares.
struct MergeJob {
  AttentionSegment segment;
  int64_t sums, shares;
};

struct ForwardPlan {
  std::vector<ForwardJob> jobs;
  std::vector<MergeJob> merges;
  int64_t sums = 0;  // floats
};

ForwardPlan plan_forward(const AttentionArgs& a, int64_t threads, int64_t query_block);

}  // namespace slm::cpu
