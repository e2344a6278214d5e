// The keys (rotated) and values of the tokens seen so far, for several sequences at once, in f32,
// bf16, f16, q8_0 or q4_0. Owned by one generator; not synchronised.
#pragma once

#include <vector>

#include "model/placement.h"
#include "model/spec.h"

namespace slm {

class KvCache {
 public:
  // `slots` sequences of at most `capacity` tokens each. Error for a block format whose blocks do
  // not divide a token's K * E values. Each layer's lie where `placement` has it computed.
  KvCache(Backend& backend, const DecoderSpec& spec, int64_t slots, int64_t capacity,
          DType dtype = DType::kF32, const Placement& placement = {});

  struct Layer {
    // [slots * capacity, K, E], in blocks [.., K * E]: slot s owns rows s * capacity onwards
    Tensor k, v;
  };
  const Layer& layer(int64_t index) const { return layers_[size_t(index)]; }

  int64_t slots() const { return int64_t(lengths_.size()); }
  int64_t capacity() const { return capacity_; }
  int64_t length(int64_t slot) const { return lengths_[size_t(slot)]; }  // tokens held
  // After a forward pass wrote them, or to forget all but the first `length` tokens.
  void set_length(int64_t slot, int64_t length);

  // Where a decoder rotates by the length of the prompt (Rope::ntk_length), keys stay as the prompt
  // they came with had them. Call before a prompt of `prompt` tokens that begins with the `kept`
  // first tokens held: keeps those, or none where their rotation is another prompt's, and returns
  // how many. Needed when the prompt is read in pieces; else the first forward pass is the prompt.
  int64_t start(int64_t slot, int64_t kept, int64_t prompt);
  // Of the tokens held, or `fresh` when there are none and no start was announced.
  int64_t prompt(int64_t slot, int64_t fresh) const;

  static int64_t bytes_per_token(const DecoderSpec& spec, DType dtype);

 private:
  Rope rope_;
  int64_t capacity_;
  std::vector<int64_t> lengths_, prompts_;  // prompts_: 0 while not known
  std::vector<Layer> layers_;
};

}  // namespace slm
