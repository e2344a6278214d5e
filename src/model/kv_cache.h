// The keys (rotated) and values of the tokens seen so far, for several sequences at once. Owned by
// one generator; not synchronised.
#pragma once

#include <vector>

#include "backend/backend.h"
#include "model/spec.h"

namespace slm {

class KvCache {
 public:
  // `slots` sequences of at most `capacity` tokens each.
  KvCache(Backend& backend, const DecoderSpec& spec, int64_t slots, int64_t capacity,
          DType dtype = DType::kF32);

  struct Layer {
    Tensor k, v;  // [slots * capacity, K, E]: slot s owns rows s * capacity onwards
  };
  const Layer& layer(int64_t index) const { return layers_[size_t(index)]; }

  int64_t slots() const { return int64_t(lengths_.size()); }
  int64_t capacity() const { return capacity_; }
  int64_t length(int64_t slot) const { return lengths_[size_t(slot)]; }  // tokens held
  // After a forward pass wrote them, or to forget all but the first `length` tokens.
  void set_length(int64_t slot, int64_t length);

  static int64_t bytes_per_token(const DecoderSpec& spec, DType dtype);

 private:
  int64_t capacity_;
  std::vector<int64_t> lengths_;
  std::vector<Layer> layers_;
};

}  // namespace slm
