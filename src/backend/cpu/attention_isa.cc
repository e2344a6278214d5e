// Attention forward over blocks of queries and keys with a running softmax (Milakov and Gimelshein,
// 2018; Dao et al., 2022).
#include "backend/cpu/attention_dropout.h"
#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {
namespace {

// The keys of one kv head that some queries need, packed block by block.
struct PackedKeys {
  int64_t first_block, end_block, width;
  float *keys_t, *values;  // [blocks, E, kBlock], [blocks * kBlock, width]
};

struct Work {
  PackedKeys packed;
  float *queries_t, *scores, *out;  // [E, kBlock], [kBlock, kBlock], [kBlock, width]
  float *top, *sum, *shrink;        // [kBlock]
};

int64_t first_visible(const AttentionHead& a, int64_t query) {
  return a.window > 0 ? larger(0, a.k_len - a.q_len + query - a.window + 1) : 0;
}

PackedKeys pack_keys(const AttentionHead& a, int64_t begin, int64_t end, Pieces& pieces) {
  PackedKeys p;
  p.width = round_up(a.head_size, kLanes);
  p.first_block = first_visible(a, begin) / kBlock;
  p.end_block = (a.k_len - a.q_len + end - 1) / kBlock + 1;
  int64_t blocks = p.end_block - p.first_block;
  p.keys_t = pieces.take(blocks * kBlock * a.head_size);
  p.values = pieces.take(blocks * kBlock * p.width);
  float* unpacked = pieces.take(kBlock * unpacked_width(a.head_size));
  for (int64_t b = 0; b < blocks; ++b) {
    int64_t at = (p.first_block + b) * kBlock, rows = smaller(kBlock, a.k_len - at);
    float *keys_t = p.keys_t + b * kBlock * a.head_size, *values = p.values + b * kBlock * p.width;
    with_rows(a.k, 0, a.head_size, at, rows, unpacked, [&](auto format, auto* k, int64_t stride) {
      transpose_block<decltype(format)>(k, stride, rows, a.head_size, keys_t);
    });
    with_rows(a.v, 0, a.head_size, at, rows, unpacked, [&](auto format, auto* v, int64_t stride) {
      copy_padded<decltype(format)>(v, stride, rows, a.head_size, values, p.width, kBlock);
    });
  }
  return p;
}

// Scales, masks and exponentiates one register of queries against all keys of the block; carries
// the running maximum and sum along.
template <bool kMask, bool kSlope>
void soften_lanes(const Meeting& m, Work& w, int64_t lane) {
  constexpr float kNever = -__builtin_inff();
  Sight sight(m, lane);
  Vec before = load(w.top + lane), top = before;
  for (int64_t j = 0; j < m.keys; ++j) {
    float* at = w.scores + j * kBlock + lane;
    Vec s = sight.logit<kSlope>(m, load(at), j);
    if (kMask) s = sight.sees(j) ? s : splat(kNever);
    store(at, s);
    top = max(top, s);
  }
  Vec base = top == kNever ? Vec{} : top;  // nothing seen so far: every term is e^-inf
  Vec sum{};
  for (int64_t j = 0; j < m.keys; ++j) {
    float* at = w.scores + j * kBlock + lane;
    Vec e = exp_of_negative(load(at) - base);
    store(at, e);
    sum += e;
  }
  Vec shrink = exp_of_negative(before - base);
  store(w.top + lane, top);
  store(w.shrink + lane, shrink);
  store(w.sum + lane, load(w.sum + lane) * shrink + sum);
}

void soften(const Meeting& m, Work& w) {
  with_needs(m, [&](auto mask, auto slope) {
    for (int64_t lane = 0; lane < m.queries; lane += kLanes)
      soften_lanes<mask.value, slope.value>(m, w, lane);
  });
  for (int64_t i = 0; i < m.queries; ++i)
    for (int64_t e = 0; e < w.packed.width; e += kLanes) {
      float* at = w.out + i * w.packed.width + e;
      store(at, w.shrink[i] * load(at));
    }
}

void write_block(const AttentionHead& a, const Work& w, int64_t head, int64_t query,
                 int64_t queries) {
  for (int64_t i = 0; i < queries; ++i) {
    float* y = a.y + (query + i) * a.q_stride + head * a.head_size;
    const float* out = w.out + i * w.packed.width;
    float scale = 1 / w.sum[i];
    strips(a.head_size, [&](auto s) { s.store(y, scale * s.load(out)); });
    if (a.lse) a.lse[(query + i) * a.lse_stride + head] = w.top[i] + __builtin_logf(w.sum[i]);
  }
}

void forward_block(const AttentionHead& a, Work& w, int64_t head, int64_t query, int64_t end) {
  const PackedKeys& p = w.packed;
  Meeting m{.first_position = a.k_len - a.q_len + query,
            .queries = smaller(kBlock, end - query),
            .window = a.window,
            .scale = a.scale,
            .slope = a.slopes ? a.slopes[head] : 0};
  transpose_block<F32>(a.q + query * a.q_stride + head * a.head_size, a.q_stride, m.queries,
                       a.head_size, w.queries_t);
  for (int64_t i = 0; i < kBlock; ++i) w.top[i] = -__builtin_inff(), w.sum[i] = 0;
  for (int64_t i = 0; i < kBlock * p.width; ++i) w.out[i] = 0;
  int64_t last_block = (m.first_position + m.queries - 1) / kBlock;
  for (int64_t b = first_visible(a, query) / kBlock; b <= last_block; ++b) {
    m.first_key = b * kBlock;
    m.keys = smaller(kBlock, a.k_len - m.first_key);
    int64_t at = b - p.first_block;
    score_tiles(m, p.keys_t + at * kBlock * a.head_size, w.queries_t, a.head_size, w.scores);
    soften(m, w);
    if (a.drops) drop(m, a.dropout, head, query, w.scores);
    add_weighted(m, w.scores, p.values + at * kBlock * p.width, p.width, w.out);
  }
  write_block(a, w, head, query, m.queries);
}

}  // namespace

void attention_forward(const AttentionHead& a, int64_t begin, int64_t end) {
  Pieces pieces{a.scratch};
  Work w{.packed = pack_keys(a, begin, end, pieces)};
  w.queries_t = pieces.take(a.head_size * kBlock);
  w.scores = pieces.take(kBlock * kBlock);
  w.out = pieces.take(kBlock * w.packed.width);
  w.top = pieces.take(kBlock);
  w.sum = pieces.take(kBlock);
  w.shrink = pieces.take(kBlock);
  for (int64_t i = 0; i < kBlock * kBlock; ++i) w.scores[i] = 0;
  for (int64_t head = 0; head < a.group; ++head)
    for (int64_t q = begin; q < end; q += kBlock) forward_block(a, w, head, q, end);
}

}  // namespace slm::cpu::SLM_ISA
