#include "generate/drafted_sequence.h"

#include <algorithm>

namespace slm {
namespace {

double cost_of(Drafter* drafter, const GenerationRequest& request) {
  if (!drafter) return -1;
  drafter->begin(request);
  return drafter->cost();
}

}  // namespace

DraftedSequence::DraftedSequence(const GenerationRequest& request, const Tokenizer* tokenizer,
                                 int64_t vocab, Drafter* drafter, int64_t most)
    : sequence_(request, tokenizer, vocab),
      vocab_(size_t(vocab)),
      drafter_(drafter),
      length_(most, cost_of(drafter, request)) {}

std::span<const int32_t> DraftedSequence::next() {
  begin_ = std::chrono::steady_clock::now();
  proposals_.clear();
  // The token that follows all accepted ones comes for free.
  int64_t most = drafter_ ? std::min(length_.next(), sequence_.room() - 1) : 0;
  if (most > 0) proposals_ = drafter_->propose(sequence_.ids(), most);
  next_.assign(1, sequence_.ids().back());
  for (const Proposal& p : proposals_) next_.push_back(p.id);
  return next_;
}

int64_t DraftedSequence::take(std::span<const float> logits, const OnToken& on_token) {
  size_t taken = 0;
  for (bool goes_on = true; goes_on && !sequence_.finished();) {
    const Proposal* proposal = taken < proposals_.size() ? &proposals_[taken] : nullptr;
    std::string text = sequence_.advance(logits.subspan(taken * vocab_, vocab_), proposal);
    int32_t id = sequence_.ids().back();
    if (on_token && !on_token(id, text)) sequence_.cancel();
    goes_on = proposal && proposal->id == id;
    taken += goes_on;
  }
  if (drafter_ && !next_.empty()) {
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    length_.record(std::ssize(proposals_), int64_t(taken), took.count());
    proposed_ += std::ssize(proposals_);
    accepted_ += int64_t(taken);
  }
  return std::min<int64_t>(int64_t(taken) + 1, std::ssize(next_));
}

}  // namespace slm
