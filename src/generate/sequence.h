// One request on its way: its tokens so far, the text they make, and when it ends. Knows nothing of
// the model, so that several sequences can share one forward pass.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generate/sampler.h"
#include "text/stop_strings.h"
#include "text/tokenizer.h"

namespace slm {

struct GenerationRequest {
  std::vector<int32_t> prompt;
  SamplingOptions sampling;
  int64_t max_new_tokens = 256;
  std::vector<int32_t> stop_ids;          // such a token ends the text without being part of it
  std::vector<std::string> stop_strings;  // the text ends before the first of them
  uint64_t stream = 0;  // of random numbers: prompts sampled with one seed take different ones
};

enum class FinishReason {
  kStop,       // a stop id or a stop string
  kLength,     // max_new_tokens, or the end of the context
  kCancelled,  // by the caller
};
std::string_view name(FinishReason reason);  // "stop", "length", "cancelled"

// Not thread-safe. The tokenizer may be null (no text then, and no stop strings); it must outlive
// the sequence.
class Sequence {
 public:
  // `vocab`: rows of the model's output matrix.
  Sequence(const GenerationRequest& request, const Tokenizer* tokenizer, int64_t vocab);

  // Chooses the next token; `logits` [V] are those of the last one. Returns the text this settles:
  // none while a character or a stop string may be incomplete. `proposal`, for this place, may be
  // null.
  std::string advance(std::span<const float> logits, const Proposal* proposal = nullptr);
  void cancel() { finished_ = FinishReason::kCancelled; }
  std::optional<FinishReason> finished() const { return finished_; }

  std::span<const int32_t> ids() const { return ids_; }  // prompt and output
  std::span<const int32_t> output() const { return ids().subspan(prompt_length_); }
  int64_t room() const { return max_new_tokens_ - int64_t(output().size()); }  // tokens to come

 private:
  std::string settle(int32_t id, bool last);

  std::vector<int32_t> ids_;
  size_t prompt_length_;
  int64_t max_new_tokens_;
  std::vector<int32_t> stop_ids_;
  Sampler sampler_;
  std::optional<StreamDecoder> decoder_;
  StopStrings stops_;
  std::optional<FinishReason> finished_;
};

}  // namespace slm
