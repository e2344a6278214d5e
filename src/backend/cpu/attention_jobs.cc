#include "backend/cpu/attention_jobs.h"

#include <algorithm>

#include "backend/dropout_factors.h"

namespace slm::cpu {
namespace {

constexpr int64_t kDecodeQueries = 4;
constexpr int64_t kShareKeys = 512;  // of one share; the same for any number of threads
constexpr int64_t kJobsPerThread =
    4;  // so that a thread that is held up does not hold up the others

int64_t pieces_of(int64_t n, int64_t piece) { return (n + piece - 1) / piece; }

TokenRows from_token(TokenRows rows, const Tensor& t, int64_t token) {
  rows.data = static_cast<const std::byte*>(rows.data) + bytes_of(t.dtype(), token * rows.stride);
  return rows;
}

int64_t oldest_key(const AttentionArgs& a, const AttentionSegment& s) {
  return a.window > 0 ? std::max<int64_t>(0, s.k_len - s.q_len - a.window + 1) : 0;
}

// Keys are read in order, so that shares are runs of keys before they are runs of heads.
void plan_decode(const AttentionArgs& a, const AttentionSegment& s, int64_t runs,
                 ForwardPlan& plan) {
  int64_t kv_heads = kv_heads_of(a), first = oldest_key(a, s) / kShareKeys;
  int64_t shares = pieces_of(s.k_len, kShareKeys) - first;
  int64_t floats = s.q_len * a.q.dim(1) * (a.q.dim(2) + 2);
  if (shares > 1) plan.merges.push_back({s, plan.sums, shares});
  for (int64_t i = 0; i < shares; ++i) {
    int64_t begin = (first + i) * kShareKeys, end = std::min(s.k_len, begin + kShareKeys);
    for (int64_t r = 0; r < runs; ++r)
      plan.jobs.push_back({s, kv_heads * r / runs, kv_heads * (r + 1) / runs, begin, end,
                           shares > 1 ? plan.sums + i * floats : -1});
  }
  if (shares > 1) plan.sums += shares * floats;
}

// A job is one kv head; its queries are shared out only when heads are few, as each job packs the
// keys it needs.
void plan_blocks(const AttentionArgs& a, const AttentionSegment& s, int64_t wanted, int64_t block,
                 ForwardPlan& plan) {
  int64_t blocks = pieces_of(s.q_len, block), parts = std::clamp<int64_t>(wanted, 1, blocks);
  for (int64_t head = 0; head < kv_heads_of(a); ++head)
    for (int64_t i = 0; i < parts; ++i)
      plan.jobs.push_back({s, head, head + 1, blocks * i / parts * block,
                           std::min(s.q_len, blocks * (i + 1) / parts * block)});
}

}  // namespace

int64_t kv_heads_of(const AttentionArgs& a) {
  return a.k.shape().rank() == 3 ? a.k.dim(1) : a.k.dim(1) / a.q.dim(2);
}

bool decodes(const AttentionArgs& a, const AttentionSegment& s) {
  return !a.uniform && a.dropout.rate == 0 && s.q_len <= kDecodeQueries;
}

AttentionHead head_of(const AttentionArgs& a, const AttentionSegment& s, int64_t kv_head,
                      const AttentionPointers& p) {
  int64_t heads = a.q.dim(1), kv_heads = kv_heads_of(a), size = a.q.dim(2);
  int64_t group = heads / kv_heads, first = kv_head * group;
  int64_t q_at = (s.q_begin * heads + first) * size;
  AttentionHead head{.q = p.q + q_at,
                     .q_stride = heads * size,
                     .k = from_token(p.k, a.k, s.k_begin),
                     .v = from_token(p.v, a.v, s.k_begin),
                     .q_len = s.q_len,
                     .k_len = s.k_len,
                     .head_size = size,
                     .group = group,
                     .scale = a.scale,
                     .window = a.window,
                     .slopes = p.slopes ? p.slopes + first : nullptr,
                     .y = p.y + q_at,
                     .lse = p.lse ? p.lse + s.q_begin * heads + first : nullptr,
                     .lse_stride = heads,
                     .drops = a.dropout.rate > 0};
  head.k.first = head.v.first = kv_head * size;
  if (head.drops)
    head.dropout = {float(1 / (1 - a.dropout.rate)),
                    last_dropped(a.dropout.rate),
                    a.dropout.seed,
                    a.dropout.stream + uint64_t(first),
                    uint64_t(a.dropout.first_row + s.q_begin),
                    kAttentionKeyBits};
  return head;
}

ForwardPlan plan_forward(const AttentionArgs& a, int64_t threads, int64_t query_block) {
  ForwardPlan plan;
  int64_t kv_heads = kv_heads_of(a), count = int64_t(a.segments.size()), shares = 0;
  for (const AttentionSegment& s : a.segments)
    shares += decodes(a, s) ? pieces_of(s.k_len - oldest_key(a, s), kShareKeys) : 1;
  int64_t wanted = kJobsPerThread * threads;
  for (const AttentionSegment& s : a.segments)
    if (decodes(a, s))
      plan_decode(a, s, std::min(pieces_of(wanted, shares), kv_heads), plan);
    else
      plan_blocks(a, s, wanted / (count * kv_heads), query_block, plan);
  return plan;
}

}  // namespace slm::cpu
