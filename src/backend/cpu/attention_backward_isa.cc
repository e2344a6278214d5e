// The derivative of attention. Per block of queries: one pass over the keys computes probabilities
// again from the saved log-sum-exp, and what they become as gradients; a second one takes off what
// softmax subtracts and multiplies out. Softmax subtracts p . dp from dp, most of which often
// cancels: so dp is counted from dy . y first, which is nearly that, and the small rest is summed
// from the very numbers it is subtracted from. Dropout multiplies dp (which leaves dy . y what it
// says) and the p that dv is summed with. One call owns the gradients of one kv head of one
// segment, so sums have one order.
#include "backend/cpu/attention_dropout.h"
#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {
namespace {

struct Work {
  int64_t width, blocks;
  float *keys_t, *values_t;  // [blocks, E, kBlock]
  float *keys, *dk, *dv;     // [blocks * kBlock, width]
  float *q_t, *dy_t;         // [E, kBlock]
  float *q, *dy, *dq;        // [kBlock, width]
  float *p_t, *ds_t;  // [blocks * kBlock keys, kBlock queries]; dp, then ds = scale p (dp - p . dp)
  float *p, *ds;      // [kBlock queries, kBlock keys]
  float *lse, *origin;  // [kBlock]; origin: dy . y, where dp is counted from
  float *sum, *drift;   // [kBlock]: of p, and of p dp, over the keys
};

Work lay_out(const AttentionHead& a, Pieces pieces) {
  Work w{.width = round_up(a.head_size, kLanes), .blocks = (a.k_len + kBlock - 1) / kBlock};
  for (float** x : {&w.keys_t, &w.values_t}) *x = pieces.take(w.blocks * kBlock * a.head_size);
  for (float** x : {&w.keys, &w.dk, &w.dv}) *x = pieces.take(w.blocks * kBlock * w.width);
  for (float** x : {&w.q_t, &w.dy_t}) *x = pieces.take(kBlock * a.head_size);
  for (float** x : {&w.q, &w.dy, &w.dq}) *x = pieces.take(kBlock * w.width);
  for (float** x : {&w.p_t, &w.ds_t}) *x = pieces.take(w.blocks * kBlock * kBlock);
  for (float** x : {&w.p, &w.ds}) *x = pieces.take(kBlock * kBlock);
  for (float** x : {&w.lse, &w.origin, &w.sum, &w.drift}) *x = pieces.take(kBlock);
  return w;
}

void pack_keys(const AttentionHead& a, Work& w) {
  for (int64_t b = 0; b < w.blocks; ++b) {
    int64_t at = b * kBlock, rows = smaller(kBlock, a.k_len - at);
    with_rows(a.k, 0, a.head_size, at, rows, nullptr, [&](auto format, auto* k, int64_t stride) {
      using T = decltype(format);
      transpose_block<T>(k, stride, rows, a.head_size, w.keys_t + at * a.head_size);
      copy_padded<T>(k, stride, rows, a.head_size, w.keys + at * w.width, w.width, kBlock);
    });
    with_rows(a.v, 0, a.head_size, at, rows, nullptr, [&](auto format, auto* v, int64_t stride) {
      using T = decltype(format);
      transpose_block<T>(v, stride, rows, a.head_size, w.values_t + at * a.head_size);
    });
  }
  for (int64_t i = 0; i < w.blocks * kBlock * w.width; ++i) w.dk[i] = 0;
  for (int64_t i = 0; i < w.blocks * kBlock * w.width; ++i) w.dv[i] = 0;
}

void pack_queries(const AttentionHeadBack& g, Work& w, int64_t head, int64_t query,
                  int64_t queries) {
  const AttentionHead& a = g.forward;
  int64_t at = query * a.q_stride + head * a.head_size, size = a.head_size;
  transpose_block<F32>(a.q + at, a.q_stride, queries, size, w.q_t);
  transpose_block<F32>(g.dy + at, a.q_stride, queries, size, w.dy_t);
  copy_padded<F32>(a.q + at, a.q_stride, queries, size, w.q, w.width, kBlock);
  copy_padded<F32>(g.dy + at, a.q_stride, queries, size, w.dy, w.width, kBlock);
  for (int64_t i = 0; i < kBlock * w.width; ++i) w.dq[i] = 0;
  for (int64_t i = 0; i < kBlock; ++i) {
    w.lse[i] = i < queries ? a.lse[(query + i) * a.lse_stride + head] : 0;
    w.sum[i] = w.drift[i] = 0;
    Vec origin{};
    if (i < queries)
      strips(size, [&](auto s) {
        origin += s.load(a.y + at + i * a.q_stride) * s.load(g.dy + at + i * a.q_stride);
      });
    w.origin[i] = sum_lanes(origin);
  }
}

// scores become e^(logit - lse); sums of those, and of those times dp, run along
template <bool kMask, bool kSlope>
void weigh_lanes(const Meeting& m, Work& w, int64_t lane) {
  Sight sight(m, lane);
  Vec lse = load(w.lse + lane), origin = load(w.origin + lane);
  Vec sum = load(w.sum + lane), drift = load(w.drift + lane);
  for (int64_t j = 0; j < m.keys; ++j) {
    int64_t at = (m.first_key + j) * kBlock + lane;
    Vec p = exp(sight.logit<kSlope>(m, load(w.p_t + at), j) - lse), dp = load(w.ds_t + at) - origin;
    if (kMask) {
      IVec seen = sight.sees(j);
      p = seen ? p : Vec{};
      dp = seen ? dp : Vec{};
    }
    store(w.p_t + at, p);
    store(w.ds_t + at, dp);
    sum += p;
    drift += p * dp;
  }
  store(w.sum + lane, sum);
  store(w.drift + lane, drift);
}

void weigh(const Meeting& m, const AttentionHead& a, int64_t head, int64_t query, Work& w) {
  int64_t at = m.first_key;
  score_tiles(m, w.keys_t + at * a.head_size, w.q_t, a.head_size, w.p_t + at * kBlock);
  score_tiles(m, w.values_t + at * a.head_size, w.dy_t, a.head_size, w.ds_t + at * kBlock);
  if (a.drops) drop(m, a.dropout, head, query, w.ds_t + at * kBlock);
  with_needs(m, [&](auto mask, auto slope) {
    for (int64_t lane = 0; lane < m.queries; lane += kLanes)
      weigh_lanes<mask.value, slope.value>(m, w, lane);
  });
}

void derive_lanes(const Meeting& m, Work& w, int64_t lane) {
  Vec share = 1.0f / load(w.sum + lane), drift = load(w.drift + lane) * share;
  for (int64_t j = 0; j < m.keys; ++j) {
    int64_t at = (m.first_key + j) * kBlock + lane;
    Vec p = load(w.p_t + at) * share;
    store(w.p_t + at, p);
    store(w.ds_t + at, m.scale * p * (load(w.ds_t + at) - drift));
  }
}

// out[key, :] += rows'[key, :] x over the queries that see each tile of keys.
void add_to_keys(const Meeting& m, const float* rows, const float* x, int64_t width, float* out) {
  for (int64_t j = 0; j < m.keys; j += kTileRows) {
    int64_t first = larger(0, m.first_key + j - m.first_position);
    if (first >= m.queries) break;
    add_product(m.queries - first, rows + first * kBlock + j, x + first * width, width,
                out + j * width);
  }
}

void derive(const Meeting& m, const AttentionHead& a, int64_t head, int64_t query, Work& w) {
  int64_t at = m.first_key;
  for (int64_t lane = 0; lane < m.queries; lane += kLanes) derive_lanes(m, w, lane);
  if (a.drops) drop(m, a.dropout, head, query, w.p_t + at * kBlock);  // only dv is left to use it
  add_weighted(m, w.ds_t + at * kBlock, w.keys + at * w.width, w.width, w.dq);
  transpose_block<F32>(w.p_t + at * kBlock, kBlock, m.keys, kBlock, w.p);
  transpose_block<F32>(w.ds_t + at * kBlock, kBlock, m.keys, kBlock, w.ds);
  add_to_keys(m, w.p, w.dy, w.width, w.dv + at * w.width);
  add_to_keys(m, w.ds, w.q, w.width, w.dk + at * w.width);
}

void add_rows(const float* from, int64_t width, int64_t rows, int64_t size, Output out,
              int64_t stride) {
  if (!out.data) return;
  for (int64_t r = 0; r < rows; ++r)
    accumulate(1, from + r * width, {out.data + r * stride, out.beta}, size);
}

void backward_queries(const AttentionHeadBack& g, Work& w, int64_t head, int64_t query) {
  const AttentionHead& a = g.forward;
  Meeting m{.first_position = a.k_len - a.q_len + query,
            .queries = smaller(kBlock, a.q_len - query),
            .window = a.window,
            .scale = a.scale,
            .slope = a.slopes ? a.slopes[head] : 0};
  pack_queries(g, w, head, query, m.queries);
  int64_t oldest = a.window > 0 ? larger(0, m.first_position - a.window + 1) : 0;
  int64_t last_block = (m.first_position + m.queries - 1) / kBlock;
  auto at_block = [&](int64_t b) {
    m.first_key = b * kBlock;
    m.keys = smaller(kBlock, a.k_len - m.first_key);
    return m;
  };
  for (int64_t b = oldest / kBlock; b <= last_block; ++b) weigh(at_block(b), a, head, query, w);
  for (int64_t b = oldest / kBlock; b <= last_block; ++b) derive(at_block(b), a, head, query, w);
  float* dq = g.dq.data ? g.dq.data + query * a.q_stride + head * a.head_size : nullptr;
  add_rows(w.dq, w.width, m.queries, a.head_size, {dq, g.dq.beta}, a.q_stride);
}

}  // namespace

void attention_backward(const AttentionHeadBack& g) {
  const AttentionHead& a = g.forward;
  Work w = lay_out(a, Pieces{a.scratch});
  pack_keys(a, w);
  for (int64_t head = 0; head < a.group; ++head)
    for (int64_t q = 0; q < a.q_len; q += kBlock) backward_queries(g, w, head, q);
  add_rows(w.dk, w.width, a.k_len, a.head_size, g.dk, a.k.stride);
  add_rows(w.dv, w.width, a.k_len, a.head_size, g.dv, a.v.stride);
}

int64_t attention_scratch(const AttentionHead& a, AttentionPass pass) {
  constexpr int64_t kSlack = 64 * 32;  // of Pieces
  int64_t width = round_up(a.head_size, kLanes), keys = round_up(a.k_len, kBlock);
  int64_t unpacked = unpacked_width(a.head_size);
  switch (pass) {
    case AttentionPass::kForward:
      return (a.head_size + width) * keys + kBlock * (a.head_size + width + unpacked + kBlock + 3) +
             kSlack;
    case AttentionPass::kDecode:
      return a.kv_heads * a.q_len * a.group * (2 * width + 5 + kDecodeKeys) +
             2 * kTogether * a.kv_heads * width + unpacked_width(a.kv_heads * a.head_size) + kSlack;
    case AttentionPass::kBackward:
      return (2 * a.head_size + 3 * width + 2 * kBlock) * keys +
             kBlock * (2 * a.head_size + 3 * width + 2 * kBlock + 4) + kSlack;
  }
  return 0;
}

}  // namespace slm::cpu::SLM_ISA
