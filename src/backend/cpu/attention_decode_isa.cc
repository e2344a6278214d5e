// Attention of one or a few queries. Keys and values are read once and in the order of memory, a
// token's heads one after the other: the processor then asks for what comes next by itself.
// A row is one query head; softmax has a row per lane, so that it needs no sum across lanes.
#include "backend/cpu/cache_rows.h"
#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {
namespace {

struct Work {
  int64_t rows, lanes;                           // lanes: rows in whole registers
  int64_t width;                                 // of a head in whole registers
  int64_t rows_of_head;                          // that read one kv head: they lie together
  float *q, *out;                                // [rows, width]
  float *position, *slope, *top, *sum, *shrink;  // [lanes]
  float* scores;                                 // [kDecodeKeys, lanes]
  float *unpacked, *keys, *values;               // for Widened

  int64_t head_of(int64_t row) const { return rows_of_head == 1 ? row : row / rows_of_head; }
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

// scores[row] = q[row] . the token's key for it; zeros past the last row.
template <class Rows>
void score_token(const Rows& key, const Work& w, float* scores) {
  for (int64_t first = 0; first < w.rows; first += kLanes) {
    Vec dots[kLanes] = {};
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if (first + i >= w.rows) continue;
      const float* q = w.q + (first + i) * w.width;
      int64_t at = w.head_of(first + i) * w.width;
      for (int64_t e = 0; e < w.width; e += kLanes) dots[i] += load(q + e) * key.at(0, at + e);
    }
    store(scores + first, sums_of(dots));
  }
}

// Scores of `keys` tokens become e^(logit - top), zeros up to a whole number of kTogether; `shrink`
// is what everything summed so far is to be multiplied with. A top of -inf: no key was seen yet.
void soften(const AttentionHead& a, const Work& w, int64_t first_key, int64_t keys) {
  constexpr float kNever = -__builtin_inff();
  float window = a.window > 0 ? float(a.window) : -kNever;
  for (int64_t row = 0; row < w.lanes; row += kLanes) {
    Vec position = load(w.position + row) - float(first_key), slope = load(w.slope + row);
    Vec before = load(w.top + row), top = before;
    for (int64_t j = 0; j < keys; ++j) {
      float* score = w.scores + j * w.lanes + row;
      Vec back = position - float(j), s = a.scale * load(score) - slope * back;
      IVec seen = (back >= 0.0f) & (back < window);
      s = seen ? s : splat(kNever);
      store(score, s);
      top = max(top, s);
    }
    Vec from = top == kNever ? Vec{} : top, sum{};
    for (int64_t j = 0; j < keys; ++j) {
      float* score = w.scores + j * w.lanes + row;
      Vec e = exp_of_negative(load(score) - from);
      store(score, e);
      sum += e;
    }
    for (int64_t j = keys; j < round_up(keys, kTogether); ++j)
      store(w.scores + j * w.lanes + row, Vec{});
    Vec shrink = exp_of_negative(before - from);
    store(w.shrink + row, shrink);
    store(w.sum + row, load(w.sum + row) * shrink + sum);
    store(w.top + row, top);
  }
}

void shrink_sums(const Work& w) {
  for (int64_t row = 0; row < w.rows; ++row) {
    if (w.shrink[row] == 1) continue;
    float* out = w.out + row * w.width;
    for (int64_t e = 0; e < w.width; e += kLanes) store(out + e, w.shrink[row] * load(out + e));
  }
}

// out[row] += the scores of up to kTogether tokens times their values
template <class Rows>
void add_tokens(const Rows& values, int64_t tokens, const float* scores, const Work& w) {
  for (int64_t row = 0; row < w.rows; ++row) {
    float* out = w.out + row * w.width;
    int64_t at = w.head_of(row) * w.width;
    for (int64_t e = 0; e < w.width; e += kLanes) {
      Vec sum = load(out + e);
#pragma GCC unroll 8
      for (int j = 0; j < kTogether; ++j)
        sum += scores[j * w.lanes + row] * values.at(smaller(j, tokens - 1), at + e);
      store(out + e, sum);
    }
  }
}

template <class Tokens>
void meet_keys(const AttentionHead& a, const Work& w, const Tokens& keys, const Tokens& values,
               const DecodeShare& share) {
  int64_t oldest = a.window > 0 ? larger(0, a.k_len - a.q_len - a.window + 1) : 0;
  for (int64_t key = larger(share.key_begin, oldest); key < share.key_end; key += kDecodeKeys) {
    int64_t count = smaller(kDecodeKeys, share.key_end - key);
    for (int64_t j = 0; j < count; ++j)
      score_token(keys.rows(key + j, 1), w, w.scores + j * w.lanes);
    soften(a, w, key, count);
    shrink_sums(w);
    for (int64_t j = 0; j < count; j += kTogether) {
      int64_t tokens = smaller(kTogether, count - j);
      add_tokens(values.rows(key + j, tokens), tokens, w.scores + j * w.lanes, w);
    }
  }
}

Work lay_out(const AttentionHead& a) {
  Pieces pieces{a.scratch};
  Work w{.rows = a.kv_heads * a.group * a.q_len, .width = round_up(a.head_size, kLanes)};
  w.lanes = round_up(w.rows, kLanes);
  w.rows_of_head = a.group * a.q_len;
  for (float** x : {&w.q, &w.out}) *x = pieces.take(w.rows * w.width);
  for (float** x : {&w.position, &w.slope, &w.top, &w.sum, &w.shrink}) *x = pieces.take(w.lanes);
  w.scores = pieces.take(kDecodeKeys * w.lanes);
  w.unpacked = pieces.take(unpacked_width(a.kv_heads * a.head_size));
  for (float** x : {&w.keys, &w.values}) *x = pieces.take(kTogether * a.kv_heads * w.width);
  return w;
}

// visit(row, query, query head), row by row
template <class Visit>
void each_row(const AttentionHead& a, Visit visit) {
  int64_t row = 0;
  for (int64_t kv_head = 0; kv_head < a.kv_heads; ++kv_head)
    for (int64_t query = 0; query < a.q_len; ++query)
      for (int64_t i = 0; i < a.group; ++i) visit(row++, query, kv_head * a.group + i);
}

void begin(const AttentionHead& a, const Work& w) {
  for (int64_t i = 0; i < w.lanes; ++i) {
    w.position[i] = w.slope[i] = w.sum[i] = 0;
    w.top[i] = -__builtin_inff();
  }
  for (int64_t i = 0; i < w.rows * w.width; ++i) w.out[i] = 0;
  each_row(a, [&](int64_t row, int64_t query, int64_t head) {
    copy_padded<F32>(a.q + query * a.q_stride + head * a.head_size, a.head_size, 1, a.head_size,
                     w.q + row * w.width, w.width, 1);
    w.position[row] = float(a.k_len - a.q_len + query);
    w.slope[row] = a.slopes ? a.slopes[head] : 0;
  });
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
  begin(a, w);
  auto meet = [&](const auto& keys, const auto& values) { meet_keys(a, w, keys, values, share); };
  if (w.rows_of_head > 1 || !with_cache_rows(a, meet))
    meet(Widened{a, a.k, w.width, w.unpacked, w.keys},
         Widened{a, a.v, w.width, w.unpacked, w.values});

  each_row(a, [&](int64_t row, int64_t query, int64_t head) {
    const float* out = w.out + row * w.width;
    if (!share.sums) return write_result(a, query, head, out, w.sum[row], w.top[row]);
    float* sums = share.sums + query * share.sums_stride + head * (a.head_size + 2);
    strips(a.head_size, [&](auto s) { s.store(sums, s.load(out)); });
    sums[a.head_size] = w.sum[row];
    sums[a.head_size + 1] = w.top[row];
  });
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
