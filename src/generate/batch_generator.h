// Several sequences in one forward pass: they enter while others are on their way, and leave when
// they end. Reading the weights, which is what a token alone waits for, is shared by all of them;
// so are the keys and values of prompts that begin alike.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "generate/generator.h"

namespace slm {

struct BatchOptions {
  int64_t slots = 8;    // sequences on their way at a time
  int64_t context = 0;  // most tokens of prompt and output of each; 0: the model's positions
  DType cache_dtype = DType::kF32;
  int64_t pass_tokens = 512;  // most tokens in one forward pass, but for at least one of each
                              // sequence
  // Every result is bit-equal in any company, at the price of passes of no fewer than
  // TokenBatch::kSteadyTokens tokens. Else sums are rounded as is fastest for a pass: the same
  // tokens, but where two are equally likely to within rounding.
  bool steady = false;
  SpeculationOptions speculation = {};
};

// Not thread-safe. Decoder, backend and tokenizer (may be null) must outlive it.
class BatchGenerator {
 public:
  // Told every new token of a sequence and the text it settles; false ends the sequence there.
  using OnToken = std::function<bool(int32_t id, std::string_view text)>;
  struct Finished {
    int64_t number;
    GenerationResult result;
  };

  BatchGenerator(const Decoder& decoder, Backend& backend, const Tokenizer* tokenizer,
                 const BatchOptions& options = {});

  int64_t context() const { return context_; }

  // Joins the line; returns its number, counted from 0. Errors as Generator::generate's. The
  // request's own seed and stream decide what is sampled, not its number.
  int64_t add(GenerationRequest request, OnToken on_token = {});
  // One forward pass for all that are on their way; false when there is nothing left to do.
  bool step();
  // Those that ended since the last call, in the order they ended.
  std::vector<Finished> take_finished();
  // Ends all that have not: they finish as cancelled, with what they have.
  void cancel();

 private:
  using Clock = std::chrono::steady_clock;
  struct Lane {
    int64_t number;
    GenerationRequest request;
    OnToken on_token;
    std::unique_ptr<DraftedSequence> drafted = {};
    int64_t slot = -1;
    int64_t kept = 0;  // of the prompt, not computed for this sequence
    std::string text;
    Clock::time_point entered, first_token;
  };
  struct Share {  // of a lane in a forward pass
    Lane* lane;
    std::vector<int32_t> ids;
    int64_t rows;  // how many of its last tokens' logits are asked for
  };
  struct Prefix {
    int64_t slot = -1, length = 0;
  };

  std::vector<int32_t>& held(const Lane& lane) { return held_[size_t(lane.slot)]; }
  bool reading(const Lane& lane) const;
  void enter();
  void start(Lane& lane);
  bool waits_for_another(const Lane& lane, int64_t length) const;
  Prefix longest_prefix(const std::vector<int32_t>& prompt) const;
  int64_t free_slot(const Prefix& prefix) const;
  void copy_prefix(const Prefix& prefix, int64_t slot, int64_t prompt);
  std::vector<Share> shares();
  Tensor forward(const std::vector<Share>& shares);
  Tensor asked_rows(const std::vector<Share>& shares, const Tensor& hidden);
  void take(const Share& share, std::span<const float> logits);
  void leave();

  const Decoder& decoder_;
  Backend& backend_;
  const Tokenizer* tokenizer_;
  BatchOptions options_;
  int64_t context_;
  KvCache cache_;
  std::vector<std::vector<int32_t>> held_;  // by slot: tokens whose keys and values are there
  std::vector<bool> taken_;                 // by slot
  std::vector<std::unique_ptr<Drafter>> drafters_;  // by slot; null until needed
  std::deque<Lane> line_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Finished> finished_;
  int64_t added_ = 0;
};

}  // namespace slm
