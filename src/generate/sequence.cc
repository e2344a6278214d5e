#include "generate/sequence.h"

#include <algorithm>

#include "util/error.h"

namespace slm {

std::string_view name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "";
}

Sequence::Sequence(const GenerationRequest& request, const Tokenizer* tokenizer, int64_t vocab)
    : ids_(request.prompt),
      prompt_length_(request.prompt.size()),
      max_new_tokens_(request.max_new_tokens),
      stop_ids_(request.stop_ids),
      sampler_(request.sampling, tokenizer ? std::min(vocab, tokenizer->size()) : vocab,
               request.stop_ids, request.stream),
      stops_(request.stop_strings) {
  check(!ids_.empty(), "[generate] the prompt has no tokens");
  for (int32_t id : ids_)
    check(0 <= id && id < vocab, "[generate] the prompt has token {}, the model's are 0 to {}", id,
          vocab - 1);
  check(max_new_tokens_ >= 0, "[generate] {} new tokens asked for", max_new_tokens_);
  check(tokenizer || request.stop_strings.empty(),
        "[generate] stop strings need a tokenizer, and the model has none");
  if (tokenizer) decoder_.emplace(*tokenizer, true, true);
  if (max_new_tokens_ == 0) finished_ = FinishReason::kLength;
}

std::string Sequence::advance(std::span<const float> logits, const Proposal* proposal) {
  auto prompt = int64_t(prompt_length_);
  int32_t id = proposal ? sampler_.choose(logits, ids_, prompt, *proposal)
                        : sampler_.choose(logits, ids_, prompt);
  ids_.push_back(id);
  bool stopped = std::ranges::find(stop_ids_, id) != stop_ids_.end();
  bool full = int64_t(output().size()) >= max_new_tokens_;
  if (stopped) finished_ = FinishReason::kStop;
  if (full && !stopped) finished_ = FinishReason::kLength;
  std::string text = decoder_ ? settle(id, stopped || full) : "";
  if (stops_.matched()) finished_ = FinishReason::kStop;
  return text;
}

std::string Sequence::settle(int32_t id, bool last) {
  std::string decoded = finished_ == FinishReason::kStop ? "" : decoder_->push(id);
  if (last) decoded += decoder_->finish();
  std::string text = stops_.push(decoded);
  if (last) text += stops_.finish();
  return text;
}

}  // namespace slm
