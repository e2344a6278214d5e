#include "generate/draft_model.h"

#include <algorithm>

#include "util/error.h"

namespace slm {

DraftModel::DraftModel(const Decoder& decoder, Backend& backend, const DecoderSpec& large,
                       double cost, int64_t context)
    : decoder_(decoder),
      backend_(backend),
      cost_(cost),
      cache_(backend, decoder.spec(), 1, std::min(context, decoder.spec().max_positions),
             DType::kF32, decoder.placement()),
      logits_(Tensor::host({1, decoder.spec().vocab}, DType::kF32)) {
  check(cost >= 0, "[speculate] a draft token that costs {}", cost);
  check(decoder.spec().vocab == large.vocab,
        "[speculate] the draft model has a vocabulary of {}, the model one of {}; they must be the "
        "same",
        decoder.spec().vocab, large.vocab);
}

void DraftModel::begin(const GenerationRequest& request) {
  stop_ids_ = request.stop_ids;
  prompt_length_ = int64_t(request.prompt.size());
  greedy_ = request.sampling.temperature == 0;
  sampler_ = std::make_unique<Sampler>(request.sampling, decoder_.spec().vocab, request.stop_ids,
                                       request.stream);
}

std::vector<Proposal> DraftModel::propose(std::span<const int32_t> ids, int64_t most) {
  most = std::min(most, cache_.capacity() - int64_t(ids.size()));
  std::vector<Proposal> proposals;
  if (most <= 0) return proposals;
  auto first_difference = std::ranges::mismatch(ids, cached_).in1;
  auto shared = std::min(int64_t(first_difference - ids.begin()), int64_t(ids.size()) - 1);
  shared = cache_.start(0, shared, prompt_length_);
  cached_.resize(size_t(shared));
  forward(ids.subspan(size_t(shared)));
  std::vector<int32_t> text(ids.begin(), ids.end());
  while (true) {
    proposals.push_back(sampler_->propose(logits_.span<const float>(), text, prompt_length_));
    text.push_back(proposals.back().id);
    bool stops = std::ranges::find(stop_ids_, text.back()) != stop_ids_.end();
    if (stops || std::ssize(proposals) == most) return proposals;
    forward(std::span(text).last(1));
  }
}

void DraftModel::forward(std::span<const int32_t> ids) {
  Context cx{backend_};
  Tensor hidden = decoder_.hidden(cx, TokenBatch::next(ids, cache_.length(0), 0), &cache_);
  cached_.insert(cached_.end(), ids.begin(), ids.end());
  backend_.copy(decoder_.logits(cx, hidden.rows(hidden.dim(0) - 1, hidden.dim(0))), logits_);
}

bool same_tokens(const Tokenizer& a, const Tokenizer& b) {
  if (a.size() != b.size()) return false;
  for (int32_t id = 0; id < a.size(); ++id)
    if (a.token_bytes(id) != b.token_bytes(id)) return false;
  return true;
}

}  // namespace slm
