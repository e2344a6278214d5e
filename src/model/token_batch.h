// Sequences laid end to end. Training packs documents, serving packs requests, evaluation packs
// choices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace slm {

struct TokenBatch {
  Tensor ids;                    // [T] i32, on the host
  Tensor positions;              // [T] i32: position of each token in its sequence
  std::vector<int64_t> starts;   // S + 1: sequence s owns rows starts[s] .. starts[s + 1]
  std::vector<int64_t> slots;    // cache slot of each sequence; empty without a cache
  std::vector<int64_t> parents;  // of a tree (see below); empty: every sequence stands alone
  bool steady = false;           // attention rounds alike however a text is cut, as in a tree

  int64_t tokens() const { return starts.back(); }
  int64_t sequences() const { return int64_t(starts.size()) - 1; }

  // Whole sequences, each from position 0, without a cache.
  static TokenBatch pack(std::span<const std::vector<int32_t>> sequences);
  // Texts that begin alike, their common beginnings only once: sequence s goes on where sequence
  // parents[s] < s ends; -1: it begins at position 0. For inference without a cache. What a token
  // gives is bit-equal however the texts are cut into sequences, provided the batch has at least
  // kSteadyTokens tokens and a multiple of that.
  static TokenBatch tree(std::span<const std::vector<int32_t>> sequences,
                         std::vector<int64_t> parents);
  static constexpr int64_t kSteadyTokens = 48;  // whole tiles and registers in every kernel

  // The next tokens of one sequence that already has `past` tokens in cache slot `slot`.
  static TokenBatch next(std::span<const int32_t> ids, int64_t past, int64_t slot);
};

}  // namespace slm
