// The inner loops of the CPU backend as a table of function pointers: the same *_isa.cc sources are
// compiled once per instruction set, and one table is chosen when the backend is made.
//
// Everything here is plain f32 memory and sizes; threading, number formats of activations and
// gradient slots are settled by the callers. A function that takes [begin, end) does that share of
// the rows and may run beside other shares. "out = beta * out + new" never reads out when beta is
// 0. This header is seen by code built for different instruction sets: it must define no inline
// functions.
#pragma once

#include <cstdint>

#include "core/layer_spec.h"

namespace slm::cpu {

enum class Format : uint8_t { kF32, kBF16, kF16 };

struct NormRows {
  const float *x, *w, *b;  // b may be null
  float *y, *stats;        // stats may be null
  int64_t channels, groups;
  float eps;
  bool centre;  // subtract the mean: layer norm
};

struct NormBackRows {
  const float *x, *w, *stats, *dy;
  float* dx;  // may be null
  float dx_beta;
  int64_t channels, groups;
  bool centre;
};

struct RopeRows {
  const float *x, *table;
  float* y;
  float beta;
  int64_t heads, head_size, dims;
  bool interleaved, inverse;
};

struct Output {
  float* data;  // null: not wanted
  float beta;
};

struct CrossEntropyRows {
  float* logits;
  const int32_t* targets;
  float* losses;
  int64_t vocab;
  float z_loss;
  bool gradient;
  float gradient_scale;
};

struct AdamWStep {
  float *value, *m, *v;
  const float* grad;
  float grad_scale, beta1, one_minus_beta1, beta2, one_minus_beta2;
  float step_size;       // lr / (1 - beta1^step)
  float inv_sqrt_bias2;  // 1 / sqrt(1 - beta2^step)
  float eps, decay;      // decay: lr * weight_decay
};

// One operand of a product, cut into panels of `lines` consecutive rows of op(a) or columns of
// op(b): panel[k * lines + line], zeros past the end, a little slack behind.
struct PackJob {
  const void* data;
  Format format;
  int64_t stride;       // elements between rows as stored
  bool lines_are_rows;  // a line is contiguous in memory (the k axis is), else k steps by `stride`
  int64_t line_count;   // of the whole operand
  int64_t k_begin, k_count;
  float* packed;  // panel p starts at packed + p * panel_stride
  int64_t panel_stride;
  // k counts pairs, each of one line's bf16 at rows 2 k and 2 k + 1, packed into one float's bits.
  // (Where a line is contiguous its pairs are that already: they are packed as if they were f32.)
  bool pairs = false;
};

// c = alpha * a b + beta * c + bias over whole panels of both operands.
struct TileJob {
  const float *a, *b;  // packed
  int64_t a_panel_stride, b_panel_stride;
  int64_t k_count;
  float* c;
  int64_t c_stride, rows, columns;  // of all of c
  float alpha, beta;
  const float* bias;   // [columns], may be null
  bool pairs = false;  // the panels hold pairs of bf16; only where has_pairs
};

// out[r, n] = alpha * x[r] . w[n] + beta * out + bias[n] for a handful of rows x
struct DotJob {
  const void* w;  // [columns, k]
  Format format;
  const float* x;  // [rows, k]
  int64_t rows, k, columns;
  float* out;  // [rows, columns]
  float alpha, beta;
  const float* bias;
  // [rows, k] in bf16, in place of x: w is bf16 too, and they are multiplied two at a time. Only
  // where has_pairs.
  const uint16_t* pairs = nullptr;
};

constexpr int64_t kInt8Run = 32;        // values of a row of x that share a scale
constexpr int64_t kInt8Rows = 8;        // tiles of rows begin at multiples of this
constexpr int64_t kInt8MostRows = 512;  // of an Int8Job; a multiple of kInt8Rows

// Rows of activations rounded to eight bits: x is about scale * q, the largest of a run at 127
// steps. They lie in tiles of 1, 2, 4 or 8 rows: run by run, the numbers of every row of the tile.
struct Int8Rows {
  int64_t rows, k;        // k: whole runs
  int32_t offset, group;  // of the weights they are made for (Int8Kernels)
  int8_t* q;              // [rows * k]
  float* scale;           // [rows * k / 32]
  float* sum;             // [rows * k / 32]: scale times the sum of q
  int32_t* start;         // [rows * k / group]: -offset times the sum of q
};

// out[r, n] = alpha * x[r] . w[n] + beta * out + bias[n]
struct Int8Job {
  const void* panels;  // of w [columns, k], in blocks; from the first that is asked for on
  Int8Rows x;
  int64_t columns;
  float* out;  // [rows, columns]
  float alpha, beta;
  const float* bias;  // may be null
};

// Products of weights in blocks with activations of eight bits.
struct Int8Kernels {
  int32_t offset;  // what the bytes of weights have too much
  int32_t group;   // weights that share a scale: 16 or 32
  // int8_columns rows of k weights, one after the other, to a panel of as many bytes
  void (*pack)(const void* rows, int64_t k, void* panel);
  void (*multiply)(const Int8Job& a, int64_t panel_begin, int64_t panel_end);
};

// What can be done with quantised weights (core/blocks/formats.h).
struct BlockKernels {
  // out[i] = scale * weight i, for n weights in whole blocks
  void (*decode)(const void* blocks, float scale, float* out, int64_t n);
  // a DotJob whose w is made of blocks; its `format` is not looked at
  void (*dots)(const DotJob& a, int64_t column_begin, int64_t column_end);
};
constexpr int kBlockFormats = 8;  // the last ones of DType

// Keys or values of one segment where they lie.
struct TokenRows {
  const void* data;  // first token
  Format format;
  int64_t stride;  // elements from token to token
  int64_t first;   // element of a token where the first kv head begins
  // Of a block format, whose blocks of 32 are laid over whole tokens: decodes n elements (n and
  // where they begin: whole blocks of block_bytes). Null: a plain format.
  void (*decode)(const void* blocks, float scale, float* out, int64_t n);
  int64_t block_bytes;
};

// util/rng.h's words decide: those up to `last` drop. See AttentionDropout.
struct ProbabilityDropout {
  float kept = 1;  // 1 / (1 - rate)
  uint32_t last = 0;
  uint64_t seed = 0, stream = 0;  // of the first query head
  uint64_t first_row = 0;         // of the segment's first query
  int key_bits = 0;               // kAttentionKeyBits
};

// Attention over the queries of one segment and one kv head, or in decoding some. Strides are in
// elements between tokens.
struct AttentionHead {
  const float* q;  // first query of the segment, head 0 of the group
  int64_t q_stride;
  TokenRows k, v;
  int64_t q_len, k_len, head_size;
  int64_t kv_heads = 1;
  int64_t group;  // query heads that share a kv head
  float scale;
  int64_t window;       // 0: all earlier keys
  const float* slopes;  // of these query heads; null without ALiBi
  float *y, *lse;       // y as q; lse strides by lse_stride per token, 1 per head; may be null
  int64_t lse_stride;
  bool drops = false;
  ProbabilityDropout dropout = {};
  float* scratch = nullptr;  // attention_scratch(...) floats
};

// The keys one call of attention_decode looks at. What they make of query i and head h, counted
// from the first of the call, are head_size + 2 floats at sums + i * sums_stride + h *
// (head_size + 2): the sum of e^(logit - top) v, of e^(logit - top), and top. Null when they are
// all keys: then y and lse are written.
struct DecodeShare {
  int64_t key_begin, key_end;
  float* sums;
  int64_t sums_stride;
};

// Shares of all kv heads of one segment, `step` floats apart, to be put together in this order.
struct DecodeSums {
  const float* sums;
  int64_t shares, step;
};

enum class AttentionPass : uint8_t { kForward, kDecode, kBackward };

struct AttentionHeadBack {
  AttentionHead forward;
  const float* dy;  // as q
  Output dq;        // as q
  Output dk, dv;    // stride by k.stride
};

struct CpuKernels {
  const char* name;
  int64_t tile_rows, tile_columns;  // lines of a packed panel of a and of b
  int64_t panel_slack;              // floats a panel needs behind its last line
  bool has_pairs;                   // multiplies bf16 two at a time
  int64_t dot_rows;                 // most rows of a DotJob
  int64_t query_block;              // queries the attention kernels take at a time

  void (*widen)(Format from, const void* in, float scale, float* out, int64_t n);
  void (*narrow)(Format to, const float* in, void* out, int64_t n);
  void (*accumulate)(float alpha, const float* x, Output out, int64_t n);
  void (*add)(float alpha, const float* a, const float* b, float* y, int64_t n);
  double (*sum_squares)(const float* x, int64_t n);
  void (*column_sum)(const float* x, int64_t rows, int64_t stride, Output out, int64_t n);
  void (*adamw)(const AdamWStep& a, int64_t begin, int64_t end);

  void (*norm_forward)(const NormRows& a, int64_t begin, int64_t end);
  // adds the rows' share of the gradients to dw and db [groups, channels] where not null
  void (*norm_backward)(const NormBackRows& a, float* dw, float* db, int64_t begin, int64_t end);
  void (*rope)(const RopeRows& a, int64_t begin, int64_t end);
  void (*activation_forward)(Activation kind, const float* x, const float* up, float* y, int64_t n);
  void (*activation_backward)(Activation kind, const float* x, const float* up, const float* dy,
                              Output dx, Output dup, int64_t n);
  // y = beta y + x within the limits; with dy: + dy where x is within them
  void (*clip)(const float* x, const float* dy, float limit, Output y, int64_t n);
  void (*cross_entropy)(const CrossEntropyRows& a, int64_t begin, int64_t end);

  void (*pack_a)(const PackJob& a, int64_t panel_begin, int64_t panel_end);
  void (*pack_b)(const PackJob& a, int64_t panel_begin, int64_t panel_end);
  void (*tiles)(const TileJob& a, int64_t row_panel_begin, int64_t row_panel_end,
                int64_t column_panel_begin, int64_t column_panel_end);
  void (*dots)(const DotJob& a, int64_t column_begin, int64_t column_end);

  const BlockKernels* blocks;  // [kBlockFormats], in the order of DType
  const Int8Kernels* int8;     // the same
  int64_t int8_columns;        // of a panel of an Int8Job
  // Multiplies and adds bytes in registers; returns how many operations that were, an addition
  // being one too.
  double (*int8_peak)(int64_t rounds);
  // rows [begin, end) of x [rows, k]; begin is a multiple of kInt8Rows, end too or the last
  void (*to_int8)(const float* x, const Int8Rows& to, int64_t begin, int64_t end);

  int64_t (*attention_scratch)(const AttentionHead& a, AttentionPass pass);  // floats
  // queries [begin, end) of every head of the group; begin is a multiple of query_block
  void (*attention_forward)(const AttentionHead& a, int64_t begin, int64_t end);
  // one or a few queries against some keys, read once
  void (*attention_decode)(const AttentionHead& a, const DecodeShare& share);
  // y and lse of rows [begin, end), a row being a query and a head, from what all keys make of them
  void (*attention_merge)(const AttentionHead& a, const DecodeSums& s, int64_t begin, int64_t end);
  void (*attention_backward)(const AttentionHeadBack& a);
};

namespace portable {
extern const CpuKernels kKernels;
}
namespace avx2 {
extern const CpuKernels kKernels;
}
namespace avx512 {
extern const CpuKernels kKernels;
}
namespace avx512vnni {
extern const CpuKernels kKernels;
}
namespace avx512bf16 {
extern const CpuKernels kKernels;
}

}  // namespace slm::cpu
