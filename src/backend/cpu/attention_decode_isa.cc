// Attention of one or a few queries: keys and values are read once, a few tokens at a time, all
// heads of those tokens before the next, so that memory is read nearly in order.
#include "backend/cpu/cache_rows.h"
#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {
namespace {

constexpr int64_t kKeys = kDecodeKeys;

struct Work {
  int64_t heads, width;  // heads: of the call; width: head size in whole registers
  float *q, *out;        // [queries, heads, width]
  float *top, *sum;      // [queries, heads]
  float *keys, *values;  // [kKeys, width], of one head
  float *unpacked, *scores;
};

// Lane i is the sum of the lanes of register i. A round makes one register of two, i and i + n: the
// halves of each are added, and lanes of the two alternate; so in the end they are in order.
inline Vec sums_of(Vec (&v)[kLanes]) {
  constexpr auto kAll = std::make_integer_sequence<int, kLanes>{};
#pragma GCC unroll 4
  for (int n = kLanes / 2; n > 0; n /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i)
      v[i] = interleave_low(v[i], v[i + n], kAll) + interleave_high(v[i], v[i + n], kAll);
  return v[0];
}

// scores[j] = q . keys[j], a register of keys at a time
template <class Rows>
void score_keys(const float* q, const Rows& keys, int64_t width, float* scores) {
  for (int64_t j = 0; j < kKeys; j += kLanes) {
    Vec dots[kLanes] = {};
    for (int64_t e = 0; e < width; e += kLanes) {
      Vec query = load(q + e);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) dots[i] += query * keys.at(j + i, e);
    }
    store(scores + j, sums_of(dots));
  }
}

// Scores become e^(logit - top). Returns what everything summed so far is to be multiplied with, or
// a negative number when no key is seen.
float soften(const Meeting& m, Work& w, int64_t row) {
  constexpr float kNever = -__builtin_inff();
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
  if (now == kNever) return -1;
  float shrink = exp_of_negative(splat(w.top[row] - now))[0];
  Vec sum{};
  for (int64_t j = 0; j < kKeys; j += kLanes) {
    Vec e = exp_of_negative(load(w.scores + j) - now);
    store(w.scores + j, e);
    sum += e;
  }
  w.top[row] = now;
  w.sum[row] = w.sum[row] * shrink + sum_lanes(sum);
  return shrink;
}

// out = shrink * out + scores values, for kStrips registers of a row, which stay in registers
// while a token's row is read once from end to end.
template <int kStrips, class Rows>
inline void add_values(float shrink, const float* scores, const Rows& values, int64_t e,
                       float* out) {
  Vec sums[kStrips];
#pragma GCC unroll 8
  for (int s = 0; s < kStrips; ++s) sums[s] = shrink * load(out + e + s * kLanes);
  for (int64_t j = 0; j < kKeys; ++j) {
    Vec score = splat(scores[j]);
#pragma GCC unroll 8
    for (int s = 0; s < kStrips; ++s) sums[s] += score * values.at(j, e + s * kLanes);
  }
#pragma GCC unroll 8
  for (int s = 0; s < kStrips; ++s) store(out + e + s * kLanes, sums[s]);
}

// One query head meets one block of keys: m.first_position is this query's.
template <class Rows>
void meet(const Meeting& m, Work& w, int64_t row, const Rows& keys, const Rows& values) {
  score_keys(w.q + row * w.width, keys, w.width, w.scores);
  float shrink = soften(m, w, row);
  if (shrink < 0) return;
  float* out = w.out + row * w.width;
  int64_t e = 0;
  for (; e + 8 * kLanes <= w.width; e += 8 * kLanes)
    add_values<8>(shrink, w.scores, values, e, out);
  for (; e + 5 * kLanes <= w.width; e += 5 * kLanes)
    add_values<5>(shrink, w.scores, values, e, out);
  for (; e + 4 * kLanes <= w.width; e += 4 * kLanes)
    add_values<4>(shrink, w.scores, values, e, out);
  for (; e < w.width; e += kLanes) add_values<1>(shrink, w.scores, values, e, out);
}

// Rows of one head lie a token apart, too far for the processor to guess what comes next: it is
// told about the block after this one.
void announce(const AttentionHead& a, const TokenRows& t, int64_t head, int64_t first_key) {
  constexpr int64_t kLine = 64;
  int64_t first = first_key + kKeys, end = smaller(first + kKeys, a.k_len);
  int64_t plain = t.format == Format::kF32 ? 4 : 2;
  auto bytes = [&](int64_t n) { return t.decode ? n * t.block_bytes / kCacheBlock : n * plain; };
  auto* data = static_cast<const char*>(t.data);
  for (int64_t j = first; j < end; ++j) {
    const char* row = data + bytes(j * t.stride + t.first + head * a.head_size);
    for (int64_t at = 0; at < bytes(a.head_size); at += kLine) __builtin_prefetch(row + at, 0, 2);
  }
}

// out[token, :] = the head's row of the token from first_key on; zeros past the last token
void widen_tokens(const AttentionHead& a, const TokenRows& t, int64_t head, int64_t first_key,
                  int64_t width, float* unpacked, float* out) {
  int64_t keys = smaller(kKeys, a.k_len - first_key);
  with_rows(t, head, a.head_size, first_key, keys, unpacked,
            [&](auto format, auto* rows, int64_t stride) {
              copy_padded<decltype(format)>(rows, stride, keys, a.head_size, out, width, kKeys);
            });
}

// visit(m, row) for every query head that reads this kv head
template <class Visit>
void each_query(const AttentionHead& a, Meeting m, int64_t kv_head, Visit visit) {
  for (int64_t query = 0; query < a.q_len; ++query)
    for (int64_t head = kv_head * a.group; head < (kv_head + 1) * a.group; ++head) {
      m.first_position = a.k_len - a.q_len + query;
      m.slope = a.slopes ? a.slopes[head] : 0;
      visit(m, query * a.kv_heads * a.group + head);
    }
}

template <class Rows>
void copy_rows(const Rows& rows, int64_t width, float* out) {
  for (int64_t j = 0; j < kKeys; ++j)
    for (int64_t e = 0; e < width; e += kLanes) store(out + j * width + e, rows.at(j, e));
}

// Rows that several queries look at are made floats first.
void meet_block(const AttentionHead& a, Work& w, int64_t first_key, int64_t end) {
  Meeting m{.first_key = first_key,
            .keys = smaller(kKeys, end - first_key),
            .queries = 1,
            .window = a.window,
            .scale = a.scale};
  using Floats = PlainRows<F32>;
  bool once = a.q_len * a.group == 1;
  for (int64_t head = 0; head < a.kv_heads; ++head) {
    announce(a, a.k, head, first_key);
    announce(a, a.v, head, first_key);
    auto meet_rows = [&]<class Rows>(const Rows& k, const Rows& v) {
      each_query(a, m, head, [&](const Meeting& of, int64_t row) { meet(of, w, row, k, v); });
    };
    auto meet_floats = [&] { meet_rows(Floats(w.keys, w.width), Floats(w.values, w.width)); };
    if (m.keys == kKeys && with_cache_rows(a, head, first_key, [&](const auto& k, const auto& v) {
          if (once || std::is_same_v<std::decay_t<decltype(k)>, Floats>) return meet_rows(k, v);
          copy_rows(k, w.width, w.keys);
          copy_rows(v, w.width, w.values);
          meet_floats();
        }))
      continue;
    widen_tokens(a, a.k, head, first_key, w.width, w.unpacked, w.keys);
    widen_tokens(a, a.v, head, first_key, w.width, w.unpacked, w.values);
    meet_floats();
  }
}

Work lay_out(const AttentionHead& a) {
  Pieces pieces{a.scratch};
  int64_t heads = a.kv_heads * a.group, rows = a.q_len * heads;
  Work w{.heads = heads, .width = round_up(a.head_size, kLanes)};
  for (float** x : {&w.q, &w.out}) *x = pieces.take(rows * w.width);
  for (float** x : {&w.top, &w.sum}) *x = pieces.take(rows);
  for (float** x : {&w.keys, &w.values}) *x = pieces.take(kKeys * w.width);
  w.unpacked = pieces.take(kKeys * unpacked_width(a.head_size));
  w.scores = pieces.take(kKeys);
  for (int64_t i = 0; i < a.q_len; ++i)
    copy_padded<F32>(a.q + i * a.q_stride, a.head_size, heads, a.head_size,
                     w.q + i * heads * w.width, w.width, heads);
  for (int64_t r = 0; r < rows; ++r) w.top[r] = -__builtin_inff(), w.sum[r] = 0;
  for (int64_t i = 0; i < rows * w.width; ++i) w.out[i] = 0;
  return w;
}

void write_result(const AttentionHead& a, int64_t query, int64_t head, const float* out, float sum,
                  float top) {
  float* y = a.y + query * a.q_stride + head * a.head_size;
  float scale = 1 / sum;
  strips(a.head_size, [&](auto s) { s.store(y, scale * s.load(out)); });
  if (a.lse) a.lse[query * a.lse_stride + head] = top + __builtin_logf(sum);
}

}  // namespace

void attention_decode(const AttentionHead& a, const DecodeShare& share) {
  Work w = lay_out(a);
  int64_t oldest = a.window > 0 ? larger(0, a.k_len - a.q_len - a.window + 1) : 0;
  int64_t begin = larger(share.key_begin, oldest / kKeys * kKeys);
  for (int64_t key = begin; key < share.key_end; key += kKeys) meet_block(a, w, key, share.key_end);

  for (int64_t query = 0; query < a.q_len; ++query)
    for (int64_t head = 0; head < w.heads; ++head) {
      int64_t row = query * w.heads + head;
      const float* out = w.out + row * w.width;
      if (!share.sums) {
        write_result(a, query, head, out, w.sum[row], w.top[row]);
        continue;
      }
      float* sums = share.sums + query * share.sums_stride + head * (a.head_size + 2);
      strips(a.head_size, [&](auto s) { s.store(sums, s.load(out)); });
      sums[a.head_size] = w.sum[row];
      sums[a.head_size + 1] = w.top[row];
    }
}

void attention_merge(const AttentionHead& a, const DecodeSums& s, int64_t begin, int64_t end) {
  int64_t heads = a.kv_heads * a.group, size = a.head_size;
  float* out = a.scratch;
  for (int64_t row = begin; row < end; ++row) {
    const float* shares = s.sums + row * (size + 2);
    float top = -__builtin_inff(), sum = 0;
    for (int64_t i = 0; i < s.shares; ++i) {
      float of_share = shares[i * s.step + size + 1];
      if (of_share > top) top = of_share;
    }
    for (int64_t e = 0; e < size; ++e) out[e] = 0;
    for (int64_t i = 0; i < s.shares; ++i) {
      const float* from = shares + i * s.step;
      float weight = exp_of_negative(splat(from[size + 1] - top))[0];
      sum += weight * from[size];
      accumulate(weight, from, {out, 1}, size);
    }
    write_result(a, row / heads, row % heads, out, sum, top);
  }
}

}  // namespace slm::cpu::SLM_ISA
