// Text from a decoder: the prompt goes through the forward pass in pieces, then every new token
// alone or with what is proposed to follow it, with the keys and values of all earlier ones kept.
// One sequence at a time.
#pragma once

#include <atomic>
#include <functional>

#include "backend/backend.h"
#include "generate/drafted_sequence.h"
#include "model/decoder.h"

namespace slm {

struct GeneratorOptions {
  int64_t context = 0;  // most tokens of prompt and output together; 0: the model's positions
  DType cache_dtype = DType::kF32;
  int64_t prefill_chunk = 0;  // prompt tokens in one forward pass; 0: prefill_chunk_for(backend)
  SpeculationOptions speculation = {};
};

// A processor is busy with few hundred, whose numbers stay in its caches; a GPU with thousands.
int64_t prefill_chunk_for(const Backend& backend);

struct GenerationTimings {
  int64_t prompt_tokens = 0, reused_tokens = 0;  // reused: kept from the previous call
  int64_t new_tokens = 0;
  int64_t proposed_tokens = 0, accepted_tokens = 0;  // by speculation
  double prefill_seconds = 0, decode_seconds = 0;    // the first new token belongs to the prefill

  double prefill_rate() const;  // tokens per second; 0 when there were none
  double decode_rate() const;
};

struct GenerationResult {
  std::vector<int32_t> ids;  // the output, with the stop id that ended it
  std::string text;          // the pieces that were streamed, put together
  FinishReason finish_reason = FinishReason::kLength;
  GenerationTimings timings;
};

// Keeps the cache between calls: what a prompt shares with the tokens of the previous call, from
// the first on, is not computed again. Not thread-safe. Decoder, backend and tokenizer (may be
// null) must outlive it.
class Generator {
 public:
  // Called once for every new token, with the text it settles (often none).
  using OnToken = std::function<void(int32_t id, std::string_view text)>;

  Generator(const Decoder& decoder, Backend& backend, const Tokenizer* tokenizer,
            const GeneratorOptions& options = {});

  int64_t context() const { return cache_.capacity(); }

  // A prompt that leaves no room in the context is an error; output that reaches its end finishes
  // with kLength. `cancel` is looked at between forward passes and may be set from a signal handler
  // or another thread.
  GenerationResult generate(const GenerationRequest& request, const OnToken& on_token = {},
                            const std::atomic<bool>* cancel = nullptr);

  // Computes a token nobody asked for, so that weights that still lie on the disk are read, and
  // whatever else is done once is done, before the first prompt comes.
  void warm_up();

 private:
  GenerationRequest fitted(GenerationRequest request) const;
  bool prefill(std::span<const int32_t> prompt, const std::atomic<bool>* cancel);
  // Appends to the cache; the logits of the last `rows` tokens, [rows, V] f32 on the host.
  std::span<const float> forward(std::span<const int32_t> ids, int64_t rows);
  void forget(int64_t tokens);  // the last ones
  int64_t reuse_prefix(std::span<const int32_t> prompt);

  const Decoder& decoder_;
  Backend& backend_;
  const Tokenizer* tokenizer_;
  int64_t prefill_chunk_;
  KvCache cache_;
  std::vector<int32_t> cached_;  // the tokens whose keys and values the cache holds
  SpeculationOptions speculation_;
  std::unique_ptr<Drafter> drafter_;
  Tensor logits_;  // of the last forward pass
};

}  // namespace slm
