// What kernels are given: already-checked tensors and the constants of the formula. One struct per
// kernel.
//
// Legend: T tokens, D width, H heads, K kv heads, E head size, F mlp width, V vocabulary, R rows, N
// channels. "any float" means f32, bf16, f16 (and f64 on the reference backend); tensors of one
// call share the activation type unless a field says otherwise. Block formats are refused but where
// a field allows them. Gradients are written as beta * grad + new (see GradSlot); an empty slot is
// skipped.
//
// Tensors lie on the backend's device. Those marked "host too" may also lie on the host, and the
// backend brings what it needs of them over: token ids, positions, targets, ALiBi slopes.
#pragma once

#include <cstdint>
#include <span>

#include "core/layer_spec.h"
#include "core/tape.h"

namespace slm {

// Rows from .. from + count of one tensor, as rows to .. to + count of another.
struct RowRun {
  int64_t from, to, count;
};

// c = alpha * op(a) op(b) + beta * c + bias        op(a): [M, K], op(b): [K, N], c: [M, N]; op
// transposes when asked
struct GemmArgs {
  Tensor a, b, c;  // any float each, in any mixture; b a block format too when it is transposed
  bool transpose_a = false, transpose_b = false;
  float alpha = 1, beta = 0;
  Tensor bias;  // [N], may be absent
};

// grad[n] = beta * grad[n] + sum over rows of x[r, n]
struct ColumnSumArgs {
  Tensor x;       // [R, N]
  GradSlot grad;  // [N]
};

// x viewed as rows of N channels; row r uses weight row r % G, so per-head norms are G = heads.
struct NormArgs {
  Tensor x;  // [.., N]
  Tensor w;  // [N] or [G, N]
  Tensor b;  // as w, may be absent
  NormSpec spec;
  Tensor y;      // as x
  Tensor stats;  // [R, 2] f32: mean (0 for rms) and 1/std of each row; may be absent in inference
};
struct NormGrads {
  Tensor dy;
  GradSlot dx, dw, db;
};

// table[t] = cos of every angle, then sin of every angle, all times the factor of log_n_length:
// [T, dims] f32 from positions [T] i32 (host too). ntk_length is not looked at: theta has it in
// already.
struct RopeTableArgs {
  Tensor positions;
  Rope rope;
  Tensor table;
};

// Rotates the first table.dim(1) values of each head of x [T, G, E] into y; values past them are
// copied.
struct RopeArgs {
  Tensor x, table;
  Rope::Pairing pairing;
  bool inverse = false;  // rotate backwards: the derivative
  GradSlot y;            // beta 0 in the forward pass
};

// Query i of a segment (0 <= i < q_len) stands at key position p = k_len - q_len + i and sees keys
// j with j <= p and, with a window, p - j < window. Rows are of the packed tensors.
struct AttentionSegment {
  int64_t q_begin, q_len, k_begin, k_len;
};

// Each probability p becomes p * keep / (1 - rate), where keep is 0 with probability `rate` and
// else
// 1. Key j of a segment and query head h of row r of q are decided over by word j % 4 of the block
// at (first_row + r) << kAttentionKeyBits | j / 4 of the generator (util/rng.h) of seed and
// stream + h.
struct AttentionDropout {
  double rate = 0;  // 0: none
  uint64_t seed = 0, stream = 0;
  int64_t first_row = 0;
};
inline constexpr int kAttentionKeyBits = 22;  // segments have up to 4 << 22 keys

// y = softmax(scale * q k' + slope * (j - p)) v per head; query head h reads kv head h / (H / K).
struct AttentionArgs {
  Tensor q;  // [Tq, H, E]
  // [Tk, K, E], any float, may differ from q's type (a cache); in the forward pass also a block
  // format of 32, then [Tk, K * E]
  Tensor k, v;
  std::span<const AttentionSegment> segments;
  float scale = 1;
  int64_t window = 0;    // 0: all earlier keys
  Tensor slopes;         // [H] f32, host too: ALiBi (Press et al., 2022); absent without
  bool uniform = false;  // a query's result is bit-equal however many queries its segment has
  Tensor y;              // [Tq, H, E]
  Tensor lse;            // [Tq, H] f32: log of each softmax denominator; may be absent in inference
  AttentionDropout dropout = {};
};
struct AttentionGrads {
  Tensor dy;
  GradSlot dq, dk, dv;
};

// y = act(x), or act(x) * up when `up` is there. All [R, N].
struct ActivationArgs {
  Tensor x, up;
  Activation kind;
  Tensor y;
};
struct ActivationGrads {
  Tensor dy;
  GradSlot dx, dup;
};

// Forward: y = x brought into -limit .. limit. With `dy`, the derivative:
// y = beta * y + (dy where x lies within the limits, 0 elsewhere). Elementwise.
struct ClipArgs {
  Tensor x, dy;
  float limit;
  GradSlot y;  // beta 0 in the forward pass
};

// y = beta * y + x * keep / (1 - rate), where keep is 0 with probability `rate` and else 1: word n
// of the generator (util/rng.h) of seed and stream at row first_row + r decides over x[r, n]. It is
// its own derivative.
struct DropoutArgs {
  Tensor x;  // [R, N]
  double rate;
  uint64_t seed, stream;
  int64_t first_row;
  GradSlot y;  // beta 0 in the forward pass
};

// y[t] = scale * table[ids[t]]
struct EmbedArgs {
  Tensor ids;    // [T] i32, host too, each within the table
  Tensor table;  // [V, D], any float or block format; no block format in the backward pass
  float scale = 1;
  Tensor y;  // [T, D]
};
struct EmbedGrads {
  Tensor dy;
  GradSlot dtable;
};

// y = alpha * a + b, elementwise
struct AddArgs {
  Tensor a, b;
  float alpha = 1;
  Tensor y;
};

// losses[r] = logsumexp(logits[r]) - logits[r, target] + z_loss * logsumexp(logits[r])^2; 0 where
// the target is negative. With `gradient`, logits are overwritten with gradient_scale * d losses[r]
// / d logits[r].
struct CrossEntropyArgs {
  Tensor logits;   // [R, V] f32
  Tensor targets;  // [R] i32, host too; negative: ignored
  Tensor losses;   // [R] f32
  float z_loss = 0;
  bool gradient = false;
  float gradient_scale = 1;
};

// Decoupled AdamW (Loshchilov and Hutter, 2019), elementwise on f32:
//   g = grad_scale * grad;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g
//   value -= lr * (m / (1 - b1^step) / (sqrt(v / (1 - b2^step)) + eps) + weight_decay * value)
//   working = value, rounded to nearest even
struct AdamWArgs {
  Tensor value, grad, m, v;  // [n] f32
  double lr, beta1, beta2, eps, weight_decay;
  int64_t step;  // counts from 1
  float grad_scale = 1;
  Tensor working = {};  // [n], bf16 or f16: what the model reads; may be absent
};

}  // namespace slm
