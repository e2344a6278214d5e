// Attention of one or a few queries: keys and values are read once, a few tokens at a time, all
// heads of those tokens before the next, so that memory is read nearly in order.
#include "backend/cpu/attention_block.h"
#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {
namespace {

constexpr int64_t kKeys = 16;  // tokens widened at a time; a multiple of kLanes

struct Work {
  int64_t rows, width;   // rows: kv heads x queries x group; width: head size in whole registers
  float *q, *out;        // [rows, width]
  float *top, *sum;      // [rows]
  float *keys, *values;  // [kKeys, width], of one head
  float* scores;         // [kKeys]
};

// scores[j] = q . keys[j], a register of keys at a time
void score_keys(const float* q, const float* keys, int64_t width, float* scores) {
  for (int64_t j = 0; j < kKeys; j += kLanes) {
    Vec dots[kLanes] = {};
    for (int64_t e = 0; e < width; e += kLanes) {
      Vec query = load(q + e);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) dots[i] += query * load(keys + (j + i) * width + e);
    }
    transpose(dots);
    Vec total{};
    for (int i = 0; i < kLanes; ++i) total += dots[i];
    store(scores + j, total);
  }
}

// One query head meets one block of keys: m.first_position is this query's.
void meet(const Meeting& m, Work& w, int64_t row) {
  constexpr float kNever = -__builtin_inff();
  score_keys(w.q + row * w.width, w.keys, w.width, w.scores);
  Vec top = splat(w.top[row]);
  for (int64_t j = 0; j < kKeys; j += kLanes) {
    Vec key = lane_numbers(j), back = float(m.first_position - m.first_key) - key;
    Vec s = m.scale * load(w.scores + j) - m.slope * back;
    IVec seen = (back >= 0.0f) & (key < float(m.keys));
    if (m.window > 0) seen &= back < float(m.window);
    s = seen ? s : splat(kNever);
    store(w.scores + j, s);
    top = max(top, s);
  }
  float now = max_lanes(top);
  if (now == kNever) return;
  float shrink = exp(splat(w.top[row] - now))[0];
  Vec sum{};
  for (int64_t j = 0; j < kKeys; j += kLanes) {
    Vec e = exp(load(w.scores + j) - now);
    store(w.scores + j, e);
    sum += e;
  }
  w.top[row] = now;
  w.sum[row] = w.sum[row] * shrink + sum_lanes(sum);
  for (int64_t e = 0; e < w.width; e += kLanes) {
    float* out = w.out + row * w.width + e;
    Vec even = shrink * load(out), odd{};
    for (int64_t j = 0; j < kKeys; j += 2) {
      even += w.scores[j] * load(w.values + j * w.width + e);
      odd += w.scores[j + 1] * load(w.values + (j + 1) * w.width + e);
    }
    store(out, even + odd);
  }
}

// out[token, :] = data[token, head, :] from first_key on; zeros past the last token. Rows of one
// head lie a token apart, too far for the processor to guess what comes next: it is told.
void widen_tokens(const AttentionHead& a, Format from, const void* data, int64_t head,
                  int64_t first_key, int64_t width, float* out) {
  int64_t keys = smaller(kKeys, a.k_len - first_key);
  int64_t next = smaller(kKeys, larger(0, a.k_len - first_key - kKeys));
  with_format(from, [&](auto format) {
    using T = decltype(format);
    auto* rows =
        static_cast<const typename T::Stored*>(data) + first_key * a.kv_stride + head * a.head_size;
    constexpr int64_t kLine = 64 / sizeof(typename T::Stored);
    for (int64_t j = 0; j < next; ++j)
      for (int64_t e = 0; e < a.head_size; e += kLine)
        __builtin_prefetch(rows + (kKeys + j) * a.kv_stride + e, 0, 2);
    copy_padded<T>(rows, a.kv_stride, keys, a.head_size, out, width, kKeys);
  });
}

void meet_block(const AttentionHead& a, Work& w, int64_t first_key) {
  Meeting m{.first_key = first_key,
            .keys = smaller(kKeys, a.k_len - first_key),
            .queries = 1,
            .window = a.window,
            .scale = a.scale};
  int64_t heads = a.kv_heads * a.group;
  for (int64_t kv_head = 0; kv_head < a.kv_heads; ++kv_head) {
    widen_tokens(a, a.k_format, a.k, kv_head, first_key, w.width, w.keys);
    widen_tokens(a, a.v_format, a.v, kv_head, first_key, w.width, w.values);
    for (int64_t query = 0; query < a.q_len; ++query)
      for (int64_t head = kv_head * a.group; head < (kv_head + 1) * a.group; ++head) {
        m.first_position = a.k_len - a.q_len + query;
        m.slope = a.slopes ? a.slopes[head] : 0;
        meet(m, w, query * heads + head);
      }
  }
}

}  // namespace

void attention_decode(const AttentionHead& a) {
  Pieces pieces{a.scratch};
  int64_t heads = a.kv_heads * a.group;
  Work w{.rows = a.q_len * heads, .width = round_up(a.head_size, kLanes)};
  w.q = pieces.take(w.rows * w.width);
  w.out = pieces.take(w.rows * w.width);
  w.top = pieces.take(w.rows);
  w.sum = pieces.take(w.rows);
  w.keys = pieces.take(kKeys * w.width);
  w.values = pieces.take(kKeys * w.width);
  w.scores = pieces.take(kKeys);
  for (int64_t i = 0; i < a.q_len; ++i)
    copy_padded<F32>(a.q + i * a.q_stride, a.head_size, heads, a.head_size,
                     w.q + i * heads * w.width, w.width, heads);
  for (int64_t r = 0; r < w.rows; ++r) w.top[r] = -__builtin_inff(), w.sum[r] = 0;
  for (int64_t i = 0; i < w.rows * w.width; ++i) w.out[i] = 0;

  int64_t oldest = a.window > 0 ? larger(0, a.k_len - a.q_len - a.window + 1) : 0;
  for (int64_t key = oldest; key < a.k_len; key += kKeys) meet_block(a, w, key);

  for (int64_t r = 0; r < w.rows; ++r) {
    int64_t query = r / heads, head = r % heads;
    float* y = a.y + query * a.q_stride + head * a.head_size;
    float scale = 1 / w.sum[r];
    strips(a.head_size, [&](auto s) { s.store(y, scale * s.load(w.out + r * w.width)); });
    if (a.lse) a.lse[query * a.lse_stride + head] = w.top[r] + __builtin_logf(w.sum[r]);
  }
}

}  // namespace slm::cpu::SLM_ISA
