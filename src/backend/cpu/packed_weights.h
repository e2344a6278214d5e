// Quantised weights of mapped files in panels (block_panels.h), packed once: products of few rows
// wait for the memory weights are read from, and not for the instructions that transpose them.
//
// A matrix is packed by its second product of few rows: prompts, evaluation and a first token never
// wait for it. The panels take the bytes that the file's pages took, which are given back. Weights
// that are not a file's stay as they are, as they might be written, and would be held twice. Where
// memory runs short no more is packed. What was packed of weights that are gone goes when another
// matrix is packed.
//
// For one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

#include "backend/cpu/block_cache.h"
#include "core/tensor.h"

namespace slm::cpu {

class PackedWeights {
 public:
  explicit PackedWeights(std::shared_ptr<BlockCache> memory) : memory_(std::move(memory)) {}

  // All panels of w, if they are there.
  const std::byte* find(const Tensor& w) const;
  // `bytes` bytes for the panels of w, which the caller fills and gives to keep(). Null: w is not
  // to be packed, or not yet.
  std::shared_ptr<std::byte> room_for(const Tensor& w, int64_t bytes);
  void keep(const Tensor& w, std::shared_ptr<std::byte> panels);

  int64_t kept() const { return int64_t(matrices_.size()); }  // matrices

 private:
  // A storage's address may come again, when it is gone: `storage` tells.
  using Key = std::tuple<const Storage*, int64_t, DType, int64_t, int64_t>;
  struct Matrix {
    std::weak_ptr<const Storage> storage;
    std::shared_ptr<std::byte> panels;  // null: a product was seen
  };
  static Key key_of(const Tensor& w);
  std::shared_ptr<std::byte> take(int64_t bytes);

  std::shared_ptr<BlockCache> memory_;
  std::map<Key, Matrix> matrices_;
  // Panels lie in large blocks one after the other, for the sake of huge pages.
  std::shared_ptr<std::byte> block_;
  int64_t used_ = 0, size_ = 0;  // of block_, in bytes
  bool full_ = false;
};

}  // namespace slm::cpu
