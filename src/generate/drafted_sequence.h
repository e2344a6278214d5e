// A sequence and what is proposed for it: the tokens that go into its next forward pass, and what
// becomes of their logits.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "generate/draft_length.h"
#include "generate/drafter.h"

namespace slm {

// Not thread-safe. Tokenizer (may be null) and drafter (null: none) must outlive it.
class DraftedSequence {
 public:
  // Told every new token and the text it settles; false ends the sequence there.
  using OnToken = std::function<bool(int32_t id, std::string_view text)>;

  // `most`: tokens proposed at a time.
  DraftedSequence(const GenerationRequest& request, const Tokenizer* tokenizer, int64_t vocab,
                  Drafter* drafter, int64_t most);

  Sequence& sequence() { return sequence_; }
  const Sequence& sequence() const { return sequence_; }

  // The last token, whose keys and values are not computed yet, and the proposals after it. Not
  // before the first take().
  std::span<const int32_t> next();

  // The logits that follow the prompt's last token, [V], or those of next(), row by row. Returns
  // how many tokens of next() stand; the cache must forget the others.
  int64_t take(std::span<const float> logits, const OnToken& on_token);

  int64_t proposed() const { return proposed_; }
  int64_t accepted() const { return accepted_; }

 private:
  Sequence sequence_;
  size_t vocab_;
  Drafter* drafter_;
  DraftLength length_;
  std::vector<Proposal> proposals_;
  std::vector<int32_t> next_;
  std::chrono::steady_clock::time_point begin_;
  int64_t proposed_ = 0, accepted_ = 0;
};

}  // namespace slm
