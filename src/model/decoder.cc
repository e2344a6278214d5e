#include "model/decoder.h"

#include "ops/embed.h"
#include "ops/norm.h"
#include "ops/recompute.h"
#include "util/format.h"

namespace slm {

Decoder::Decoder(const DecoderSpec& spec, const Parameters& parameters)
    : spec_(spec),
      embed_(parameters.at("embed.weight")),
      final_norm_weight_(parameters.at("final_norm.weight")),
      final_norm_bias_(parameters.find("final_norm.bias")),
      head_(spec.tied_head ? embed_ : parameters.at("head.weight")) {
  for (int64_t i = 0; i < spec.layers; ++i)
    blocks_.emplace_back(spec, parameters, format("blocks.{}", i));
}

Tensor Decoder::hidden(Context& cx, const TokenBatch& batch, KvCache* cache,
                       std::vector<Tensor>* trace) const {
  auto plan = plan_attention(cx, spec_, batch, cache);
  Tensor x = embed(cx, batch.ids, embed_, 1, DType::kF32, spec_.padding_id);
  if (trace) trace->push_back(x);
  for (int64_t i = 0; i < spec_.layers; ++i) {
    const Block& block = blocks_[size_t(i)];
    const KvCache::Layer* layer = cache ? &cache->layer(i) : nullptr;
    auto run = [&block, plan, layer](Context& c, const Tensor& in) {
      return block(c, in, *plan, layer);
    };
    x = cx.recompute ? recompute(cx, x, run) : run(cx, x);
    if (trace) trace->push_back(x);
  }
  for (int64_t s = 0; cache && s < batch.sequences(); ++s) {
    int64_t slot = batch.slots[size_t(s)];
    cache->set_length(slot, plan->segments[size_t(s)].k_len);
  }
  return norm(cx, x, final_norm_weight_, final_norm_bias_, spec_.norm);
}

Tensor Decoder::logits(Context& cx, const Tensor& hidden) const {
  return linear(cx, hidden, head_);
}

}  // namespace slm
