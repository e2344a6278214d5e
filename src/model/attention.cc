#include "model/attention.h"

#include <cmath>

#include "ops/norm.h"
#include "ops/rope.h"
#include "util/error.h"

namespace slm {
namespace {

void append(Backend& backend, const AttentionPlan& plan, const Tensor& from, const Tensor& cache) {
  for (const AttentionSegment& s : plan.segments) {
    int64_t end = s.k_begin + s.k_len;
    backend.copy(from.rows(s.q_begin, s.q_begin + s.q_len), cache.rows(end - s.q_len, end));
  }
}

}  // namespace

std::shared_ptr<const AttentionPlan> plan_attention(Context& cx, const DecoderSpec& spec,
                                                    const TokenBatch& batch, const KvCache* cache) {
  auto plan = std::make_shared<AttentionPlan>();
  plan->rope_table = rope_table(cx, batch.positions, spec.rope);
  for (int64_t s = 0; s < batch.sequences(); ++s) {
    int64_t begin = batch.starts[size_t(s)], length = batch.starts[size_t(s) + 1] - begin;
    AttentionSegment segment{begin, length, begin, length};
    if (cache) {
      int64_t slot = batch.slots.at(size_t(s));
      segment.k_begin = slot * cache->capacity();
      segment.k_len = cache->length(slot) + length;
      check(segment.k_len <= cache->capacity(),
            "[attention] {} tokens in a cache for {}; ask for a longer context", segment.k_len,
            cache->capacity());
    }
    plan->segments.push_back(segment);
  }
  return plan;
}

Attention::Attention(const DecoderSpec& spec, const Parameters& parameters, const std::string& name)
    : spec_(spec),
      q_(parameters, name + ".q"),
      k_(parameters, name + ".k"),
      v_(parameters, name + ".v"),
      out_(parameters, name + ".out"),
      q_norm_(parameters.find(name + ".q_norm.weight")),
      k_norm_(parameters.find(name + ".k_norm.weight")) {}

Tensor Attention::operator()(Context& cx, const Tensor& x, const AttentionPlan& plan,
                             const KvCache::Layer* cache) const {
  int64_t tokens = x.dim(0);
  Tensor q = q_(cx, x).reshape({tokens, spec_.heads, spec_.head_size});
  Tensor k = k_(cx, x).reshape({tokens, spec_.kv_heads, spec_.head_size});
  Tensor v = v_(cx, x).reshape({tokens, spec_.kv_heads, spec_.head_size});
  if (spec_.qk_norm == QkNorm::kPerHead) {
    q = norm(cx, q, q_norm_, {}, spec_.norm);
    k = norm(cx, k, k_norm_, {}, spec_.norm);
  }
  q = rope(cx, q, plan.rope_table, spec_.rope.pairing);
  k = rope(cx, k, plan.rope_table, spec_.rope.pairing);
  if (cache) {
    append(cx.backend, plan, k, cache->k);
    append(cx.backend, plan, v, cache->v);
    k = cache->k;
    v = cache->v;
  }
  AttentionSpec shape{.scale = float(1 / std::sqrt(double(spec_.head_size)))};
  Tensor y = attend(cx, q, k, v, plan.segments, shape);
  return out_(cx, y.reshape({tokens, spec_.heads * spec_.head_size}));
}

}  // namespace slm
