// Proposes what a smaller model with the same vocabulary draws.
#pragma once

#include <memory>

#include "generate/drafter.h"
#include "model/decoder.h"

namespace slm {

class DraftModel : public Drafter {
 public:
  // `cost`: what a token costs beside one of the large model, e.g. the ratio of their weights. The
  // backend may be the large model's. Decoder and backend must outlive it. Error when the two
  // vocabularies differ in size.
  DraftModel(const Decoder& decoder, Backend& backend, const DecoderSpec& large, double cost,
             int64_t context);

  void begin(const GenerationRequest& request) override;
  // Fewer than asked for at a stop token and at the end of this model's context.
  std::vector<Proposal> propose(std::span<const int32_t> ids, int64_t most) override;
  double cost() const override { return greedy_ ? -1 : cost_; }

 private:
  void forward(std::span<const int32_t> ids);

  const Decoder& decoder_;
  Backend& backend_;
  double cost_;
  bool greedy_ = true;
  KvCache cache_;
  std::vector<int32_t> cached_, stop_ids_;
  std::unique_ptr<Sampler> sampler_;
  int64_t prompt_length_ = 0;
  Tensor logits_;  // [1, V] f32
};

// Whether the ids of two tokenizers stand for the same texts, so that one model can draft for the
// other.
bool same_tokens(const Tokenizer& a, const Tokenizer& b);

}  // namespace slm
