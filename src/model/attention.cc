#include "model/attention.h"

#include <cmath>

#include "ops/clip.h"
#include "ops/forget.h"
#include "ops/norm.h"
#include "ops/rope.h"
#include "util/error.h"
#include "util/rng.h"

namespace slm {
namespace {

Tensor laid_out(Backend& backend, const AttentionPlan& plan, const Tensor& from) {
  if (plan.key_rows == 0) return from;
  Tensor to = backend.empty({plan.key_rows, from.dim(1), from.dim(2)}, from.dtype());
  backend.copy_rows(from, to, plan.key_runs);
  return to;
}

AttentionSpec scores_of(Backend& backend, const DecoderSpec& spec) {
  AttentionSpec scores{.scale = spec.score_scale, .window = spec.window};
  if (scores.scale == 0) scores.scale = float(1 / std::sqrt(double(spec.head_size)));
  if (spec.positions == Positions::kAlibi) {
    Tensor slopes = alibi_slopes(spec.parts * spec.heads, spec.alibi_max_bias);
    slopes = slopes.rows(spec.part * spec.heads, (spec.part + 1) * spec.heads);
    for (float& slope : slopes.span<float>()) slope *= spec.alibi_slope;
    scores.slopes = to_device(backend, slopes);  // once for all layers
  }
  return scores;
}

// The tables of all sequences, each with the rotation its own length calls for.
void plan_rotation(Context& cx, const Rope& wanted, const TokenBatch& batch, const KvCache* cache,
                   AttentionPlan& plan) {
  Rope rope = wanted;
  if (cx.tape) rope.ntk_length = rope.log_n_length = 0;
  auto table = [&](bool of_queries) {
    Rope r = rope;
    if (!of_queries) r.log_n_length = 0;
    if (r.ntk_length == 0) return rope_table(cx, batch.positions, r);
    Tensor whole = cx.backend.empty({batch.tokens(), r.dims}, DType::kF32);
    for (int64_t s = 0; s < batch.sequences(); ++s) {
      int64_t begin = batch.starts[size_t(s)], end = batch.starts[size_t(s) + 1];
      int64_t tokens = cache ? cache->prompt(batch.slots[size_t(s)], end - begin) : end - begin;
      cx.backend.copy(rope_table(cx, batch.positions.rows(begin, end), rope_for(r, tokens)),
                      whole.rows(begin, end));
    }
    return whole;
  };
  plan.key_rotation = table(false);
  plan.query_rotation = rope.log_n_length == 0 ? plan.key_rotation : table(true);
}

}  // namespace

std::shared_ptr<const AttentionPlan> plan_attention(Context& cx, const DecoderSpec& spec,
                                                    const TokenBatch& batch, const KvCache* cache) {
  auto plan = std::make_shared<AttentionPlan>();
  plan->scores = scores_of(cx.backend, spec);
  plan->scores.uniform = batch.steady;
  if (spec.positions == Positions::kRotary) plan_rotation(cx, spec.rope, batch, cache, *plan);
  if (!batch.parents.empty()) {
    check(!cache && !cx.tape, "[attention] a tree of texts is for inference without a cache");
    SharedKeys keys = share_keys(batch);
    plan->scores.uniform = true;
    plan->segments = std::move(keys.segments);
    plan->key_runs = std::move(keys.runs);
    plan->key_rows = keys.rows;
    return plan;
  }
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
      plan->appended.push_back({begin, segment.k_begin + segment.k_len - length, length});
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
      k_norm_(parameters.find(name + ".k_norm.weight")),
      stream_(hash_name(name + ".scores") + uint64_t(spec.part * spec.heads)) {}

Tensor Attention::operator()(Context& cx, const Tensor& x, const AttentionPlan& plan,
                             const KvCache::Layer* cache) const {
  int64_t tokens = x.dim(0);
  auto project = [&](const Linear& linear, int64_t heads) {
    Tensor y = linear(cx, x);
    if (spec_.qkv_clip > 0) y = clip(cx, y, spec_.qkv_clip);
    return y.reshape({tokens, heads, spec_.head_size});
  };
  Tensor q = project(q_, spec_.heads);
  Tensor k = project(k_, spec_.kv_heads), v = project(v_, spec_.kv_heads);
  if (spec_.qk_norm == QkNorm::kPerHead) {
    q = norm(cx, q, q_norm_, {}, spec_.norm);
    k = norm(cx, k, k_norm_, {}, spec_.norm);
  }
  if (spec_.positions == Positions::kRotary) {
    auto rotated = [&](const Tensor& heads, const Tensor& table) {
      Tensor y = rope(cx, heads, table, spec_.rope.pairing);
      discard(cx, heads);
      return y;
    };
    q = rotated(q, plan.query_rotation);
    k = rotated(k, plan.key_rotation);
  }
  if (cache) {
    cx.backend.copy_rows(k, cache->k, plan.appended);
    cx.backend.copy_rows(v, cache->v, plan.appended);
    k = cache->k;
    v = cache->v;
  }
  k = laid_out(cx.backend, plan, k);
  v = laid_out(cx.backend, plan, v);
  AttentionSpec scores = plan.scores;
  scores.stream = stream_;
  Tensor y = attend(cx, q, k, v, plan.segments, scores);
  return out_(cx, y.reshape({tokens, spec_.heads * spec_.head_size}));
}

}  // namespace slm
