// The transformer block, for every family, for training and inference.
#pragma once

#include "model/attention.h"
#include "model/mlp.h"
#include "ops/sum_parts.h"

namespace slm {

class Block {
 public:
  // Of a part of a decoder, `sum` adds up over the parts; empty: this is the whole.
  Block(const DecoderSpec& spec, const Parameters& parameters, const std::string& name,
        SumParts sum = {});

  Tensor operator()(Context& cx, const Tensor& x, const AttentionPlan& plan,
                    const KvCache::Layer* cache) const;

 private:
  Tensor norm1(Context& cx, const Tensor& x) const;
  Tensor norm2(Context& cx, const Tensor& x) const;

  NormSpec norm_;
  Residual residual_;
  Tensor norm1_weight_, norm1_bias_, norm2_weight_, norm2_bias_;
  Attention attention_;
  Mlp mlp_;
  SumParts sum_;
  uint64_t attention_stream_, mlp_stream_;  // of dropout
};

}  // namespace slm
