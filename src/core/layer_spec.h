// The mathematical variants of the layers, as data. Shared by the kernels that compute them and the
// model that asks.
#pragma once

#include <cstdint>

namespace slm {

// layer: y = (x - mean) / sqrt(var + eps) * w + b        rms: y = x / sqrt(mean(x^2) + eps) * w
struct NormSpec {
  enum Kind : uint8_t { kLayer, kRms };
  Kind kind = kLayer;
  float eps = 1e-5f;
  bool bias = true;
  friend bool operator==(const NormSpec&, const NormSpec&) = default;
};

// gelu: 0.5 x (1 + erf(x / sqrt 2))   gelu_tanh: the tanh approximation   quick_gelu: x
// sigmoid(1.702 x) silu: x sigmoid(x)   relu: max(0, x)
enum class Activation : uint8_t { kSilu, kGelu, kGeluTanh, kQuickGelu, kRelu };

// Rotary positions (Su et al., RoFormer, 2021) on the first `dims` values of each head; angle(p, i)
// = p / scale * theta^(-2i/dims). Pairs are (i, i + dims/2), as in GPT-NeoX, or (2i, 2i+1), as in
// GPT-J.
//
// Two ways to read on past the length n a model was trained for, both Qwen's; 0: not used.
//   ntk_length   n: a text that begins with s > n tokens has theta' = theta * a^(dims / (dims -
//   2)),
//                with a = 2^(k+1) - 1 for the least k such that n 2^k >= s (ops/rope.h: rope_for)
//   log_n_length n: what is rotated is also multiplied by max(1, ln(p + 1) / ln(n)); queries only
struct Rope {
  enum Pairing : uint8_t { kHalves, kInterleaved };
  int64_t dims = 0;
  double theta = 10000;
  double scale = 1;
  Pairing pairing = kHalves;
  int64_t ntk_length = 0, log_n_length = 0;
  friend bool operator==(const Rope&, const Rope&) = default;
};

}  // namespace slm
