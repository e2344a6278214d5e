// The whole model: embedding, blocks, final norm, output matrix. One forward, for training,
// inference and evaluation. Immutable once built; several threads may use it, each with a Context,
// a backend and a cache of its own; one at a time where it is split over two backends.
#pragma once

#include <vector>

#include "model/block.h"
#include "ops/head_loss.h"

namespace slm {

class Decoder {
 public:
  // Holds handles to the parameters: make them trainable before this, not after.
  // Activations have the type of trainable parameters, else they are f32.
  // Of a part (model_part.h), `sum` adds up over all parts, which then compute in step; else it is
  // empty.
  Decoder(const DecoderSpec& spec, const Parameters& parameters, const SumParts& sum = {});
  Decoder(const DecoderSpec& spec, const Parameters& parameters, DType states,
          const SumParts& sum = {});
  // For inference. The parameters lie as `placement` says, and so must the keys and values of a
  // cache; contexts are of the device, where hidden() and logits() leave their results.
  Decoder(const DecoderSpec& spec, const Parameters& parameters, const Placement& placement);

  const DecoderSpec& spec() const { return spec_; }
  const Placement& placement() const { return placement_; }

  // The states after the final norm, [T, D]. With a cache, every sequence's new keys and values are
  // appended to its slot. `trace`, if given, receives the input of the first block and the output
  // of each block.
  Tensor hidden(Context& cx, const TokenBatch& batch, KvCache* cache = nullptr,
                std::vector<Tensor>* trace = nullptr) const;

  // [R, D] rows of hidden() -> [R, V]
  Tensor logits(Context& cx, const Tensor& hidden) const;

  // The loss of head_loss(hidden, the output matrix, targets); spec.logit_scale is the decoder's.
  Tensor loss(Context& cx, const Tensor& hidden, const Tensor& targets, HeadLossSpec spec) const;

  // [V, D] as used; the embedding when tied, with rows of length 1 when normalised.
  Tensor head_weight(Context& cx) const;

 private:
  struct Pass {
    const TokenBatch& batch;
    KvCache* cache;
    std::vector<Tensor>* trace;
  };
  Tensor embedded(Context& cx, const Pass& pass) const;
  Tensor through_blocks(Context& cx, Tensor x, const Pass& pass, int64_t begin, int64_t end) const;

  DecoderSpec spec_;
  Placement placement_;
  DType states_;  // of all activations
  Tensor embed_, positions_, embed_norm_weight_, embed_norm_bias_;
  Tensor final_norm_weight_, final_norm_bias_, head_, head_bias_;
  // [D], on the host: gain of the norm that makes lengths 1, where weights may change
  Tensor head_gain_;
  std::vector<Block> blocks_;
};

// A matrix on the host whose rows are divided by their lengths, as a normalized head's are; none is
// shorter than 1e-12, as in PyTorch's normalize. Blocks become f32.
Tensor rows_of_length_one(const Tensor& w);

}  // namespace slm
