#include "generate/generator.h"

#include <algorithm>
#include <chrono>

#include "util/error.h"

namespace slm {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double rate(int64_t count, double seconds) {
  return count > 0 && seconds > 0 ? double(count) / seconds : 0;
}

bool is_set(const std::atomic<bool>* flag) { return flag && flag->load(); }

}  // namespace

double GenerationTimings::prefill_rate() const {
  return rate(prompt_tokens - reused_tokens, prefill_seconds);
}
double GenerationTimings::decode_rate() const { return rate(new_tokens - 1, decode_seconds); }

int64_t prefill_chunk_for(const Backend& backend) {
  return backend.device() == Device::kHost ? 512 : 4096;
}

Generator::Generator(const Decoder& decoder, Backend& backend, const Tokenizer* tokenizer,
                     const GeneratorOptions& options)
    : decoder_(decoder),
      backend_(backend),
      tokenizer_(tokenizer),
      prefill_chunk_(options.prefill_chunk != 0 ? options.prefill_chunk
                                                : prefill_chunk_for(backend)),
      cache_(backend, decoder.spec(), 1,
             options.context > 0 ? options.context : decoder.spec().max_positions,
             options.cache_dtype, decoder.placement()),
      speculation_(options.speculation) {
  if (speculation_.make) drafter_ = speculation_.make();
  check(prefill_chunk_ > 0, "[generate] prompt pieces of {} tokens", prefill_chunk_);
}

GenerationResult Generator::generate(const GenerationRequest& request, const OnToken& on_token,
                                     const std::atomic<bool>* cancel) {
  DraftedSequence drafted(fitted(request), tokenizer_, decoder_.spec().vocab, drafter_.get(),
                          speculation_.most);
  Sequence& sequence = drafted.sequence();
  GenerationResult result;
  GenerationTimings& timings = result.timings;
  timings.prompt_tokens = int64_t(request.prompt.size());
  auto take = [&](std::span<const float> logits) {
    return drafted.take(logits, [&](int32_t id, std::string_view text) {
      result.text += text;
      if (on_token) on_token(id, text);
      return true;
    });
  };

  Clock::time_point start = Clock::now();
  if (!sequence.finished()) {
    timings.reused_tokens = reuse_prefix(request.prompt);
    if (!prefill(request.prompt, cancel)) sequence.cancel();
  }
  timings.prefill_seconds = seconds_since(start);

  start = Clock::now();
  if (!sequence.finished()) take(logits_.span<const float>());
  while (!sequence.finished()) {
    if (is_set(cancel)) {
      sequence.cancel();
      break;
    }
    std::span<const int32_t> next = drafted.next();
    forget(std::ssize(next) - take(forward(next, std::ssize(next))));
  }
  timings.decode_seconds = seconds_since(start);
  timings.new_tokens = int64_t(sequence.output().size());
  timings.proposed_tokens = drafted.proposed();
  timings.accepted_tokens = drafted.accepted();

  result.ids.assign(sequence.output().begin(), sequence.output().end());
  result.finish_reason = *sequence.finished();
  return result;
}

void Generator::warm_up() {
  const int32_t any = 0;
  forward({&any, 1}, 1);
  forget(1);
}

GenerationRequest Generator::fitted(GenerationRequest request) const {
  int64_t room = context() - int64_t(request.prompt.size());
  check(room > 0,
        "[generate] the prompt has {} tokens and the context {}, prompt and output "
        "together; shorten the prompt or ask for a longer context",
        request.prompt.size(), context());
  request.max_new_tokens = std::min(request.max_new_tokens, room);
  return request;
}

// False when cancelled on the way.
bool Generator::prefill(std::span<const int32_t> prompt, const std::atomic<bool>* cancel) {
  while (cached_.size() < prompt.size()) {
    if (is_set(cancel)) return false;
    auto rest = prompt.subspan(cached_.size());
    forward(rest.first(std::min(rest.size(), size_t(prefill_chunk_))), 1);
  }
  return true;
}

std::span<const float> Generator::forward(std::span<const int32_t> ids, int64_t rows) {
  Context cx{backend_};
  Tensor hidden = decoder_.hidden(cx, TokenBatch::next(ids, cache_.length(0), 0), &cache_);
  cached_.insert(cached_.end(), ids.begin(), ids.end());
  Tensor logits = decoder_.logits(cx, hidden.rows(hidden.dim(0) - rows, hidden.dim(0)));
  if (!logits_ || logits_.shape() != logits.shape())
    logits_ = Tensor::host(logits.shape(), DType::kF32);
  backend_.copy(logits, logits_);
  return logits_.span<const float>();
}

void Generator::forget(int64_t tokens) {
  cached_.resize(cached_.size() - size_t(tokens));
  cache_.set_length(0, int64_t(cached_.size()));
}

// Forgets what the cache holds beyond the common prefix. At least one token of the prompt is left
// to compute: its logits are what the output starts from.
int64_t Generator::reuse_prefix(std::span<const int32_t> prompt) {
  auto first_difference = std::ranges::mismatch(prompt, cached_).in1;
  size_t shared = std::min(size_t(first_difference - prompt.begin()), prompt.size() - 1);
  int64_t kept = cache_.start(0, int64_t(shared), int64_t(prompt.size()));
  cached_.resize(size_t(kept));
  return kept;
}

}  // namespace slm
