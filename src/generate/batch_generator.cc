#include "generate/batch_generator.h"

#include <algorithm>

#include "ops/rope.h"
#include "util/error.h"

namespace slm {
namespace {

// Prefixes shorter than this are computed again rather than waited for.
constexpr int64_t kWorthWaiting = 16;

int64_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

BatchGenerator::BatchGenerator(const Decoder& decoder, Backend& backend, const Tokenizer* tokenizer,
                               const BatchOptions& options)
    : decoder_(decoder),
      backend_(backend),
      tokenizer_(tokenizer),
      options_(options),
      context_(options.context > 0 ? options.context : decoder.spec().max_positions),
      // The last slot is that of tokens which fill a pass up.
      cache_(backend, decoder.spec(), options.slots + (options.steady ? 1 : 0),
             std::max(context_, options.steady ? TokenBatch::kSteadyTokens : 1),
             options.cache_dtype, decoder.placement()),
      held_(size_t(options.slots)),
      taken_(size_t(options.slots), false),
      drafters_(size_t(options.slots)) {
  check(options.slots > 0 && options.pass_tokens > 0,
        "[generate] {} sequences, passes of {} tokens", options.slots, options.pass_tokens);
}

int64_t BatchGenerator::add(GenerationRequest request, OnToken on_token) {
  int64_t room = context() - std::ssize(request.prompt);
  check(room > 0,
        "[generate] the prompt has {} tokens and the context {}, prompt and output together; "
        "shorten the prompt or ask for a longer context",
        request.prompt.size(), context());
  request.max_new_tokens = std::min(request.max_new_tokens, room);
  Sequence(request, tokenizer_, decoder_.spec().vocab);  // refuses what makes no sense
  line_.push_back(
      {.number = added_, .request = std::move(request), .on_token = std::move(on_token)});
  return added_++;
}

bool BatchGenerator::step() {
  enter();
  leave();  // those that asked for nothing
  if (lanes_.empty()) return !line_.empty();
  std::vector<Share> shares = this->shares();
  Tensor logits = forward(shares);
  int64_t row = 0;
  for (const Share& share : shares) {
    if (share.rows > 0) take(share, logits.rows(row, row + share.rows).span<const float>());
    row += share.rows;
  }
  leave();
  return !lanes_.empty() || !line_.empty();
}

std::vector<BatchGenerator::Finished> BatchGenerator::take_finished() {
  return std::exchange(finished_, {});
}

bool BatchGenerator::reading(const Lane& lane) const {
  return held_[size_t(lane.slot)].size() < lane.request.prompt.size();
}

// From the line into free slots, first come, first served.
void BatchGenerator::enter() {
  while (!line_.empty() && std::ssize(lanes_) < options_.slots) {
    Lane& lane = line_.front();
    Prefix prefix = longest_prefix(lane.request.prompt);
    if (waits_for_another(lane, prefix.length)) return;
    lane.slot = free_slot(prefix);
    copy_prefix(prefix, lane.slot, std::ssize(lane.request.prompt));
    lane.kept = prefix.length;
    start(lane);
    lanes_.push_back(std::make_unique<Lane>(std::move(lane)));
    line_.pop_front();
  }
}

void BatchGenerator::start(Lane& lane) {
  taken_[size_t(lane.slot)] = true;
  std::unique_ptr<Drafter>& drafter = drafters_[size_t(lane.slot)];
  if (options_.speculation.make && !drafter) drafter = options_.speculation.make();
  lane.drafted = std::make_unique<DraftedSequence>(lane.request, tokenizer_, decoder_.spec().vocab,
                                                   drafter.get(), options_.speculation.most);
  lane.entered = Clock::now();
}

void BatchGenerator::cancel() {
  for (auto& lane : lanes_) lane->drafted->sequence().cancel();
  leave();
  for (Lane& lane : line_)
    finished_.push_back({lane.number, {.finish_reason = FinishReason::kCancelled}});
  line_.clear();
}

// Whether a sequence that is being read will soon hold more of this one's beginning.
bool BatchGenerator::waits_for_another(const Lane& lane, int64_t length) const {
  return std::ranges::any_of(lanes_, [&](const auto& other) {
    return reading(*other) &&
           common_prefix(lane.request.prompt, other->request.prompt) >= length + kWorthWaiting;
  });
}

// At least one token of the prompt is left to compute: its logits are what the output starts from.
BatchGenerator::Prefix BatchGenerator::longest_prefix(const std::vector<int32_t>& prompt) const {
  Prefix best;
  const Rope& rope = decoder_.spec().rope;
  for (int64_t slot = 0; slot < options_.slots; ++slot) {
    int64_t length = std::min(common_prefix(prompt, held_[size_t(slot)]), std::ssize(prompt) - 1);
    bool alike = rope_for(rope, cache_.prompt(slot, 0)) == rope_for(rope, std::ssize(prompt));
    bool here = !taken_[size_t(slot)];  // needs no copy
    if (alike && (length > best.length || (length == best.length && length > 0 && here)))
      best = {slot, length};
  }
  return best;
}

// The one that holds the prefix, else the one that holds least.
int64_t BatchGenerator::free_slot(const Prefix& prefix) const {
  if (prefix.slot >= 0 && !taken_[size_t(prefix.slot)]) return prefix.slot;
  int64_t best = -1;
  for (int64_t slot = 0; slot < options_.slots; ++slot) {
    if (taken_[size_t(slot)]) continue;
    if (best < 0 || held_[size_t(slot)].size() < held_[size_t(best)].size()) best = slot;
  }
  return best;
}

void BatchGenerator::copy_prefix(const Prefix& prefix, int64_t slot, int64_t prompt) {
  std::vector<int32_t>& ids = held_[size_t(slot)];
  if (prefix.length > 0 && prefix.slot != slot) {
    const std::vector<int32_t>& from = held_[size_t(prefix.slot)];
    ids.assign(from.begin(), from.begin() + prefix.length);
    int64_t source = prefix.slot * cache_.capacity(), target = slot * cache_.capacity();
    for (int64_t i = 0; i < decoder_.spec().layers; ++i)
      for (const Tensor& t : {cache_.layer(i).k, cache_.layer(i).v})
        backend_.copy(t.rows(source, source + prefix.length),
                      t.rows(target, target + prefix.length));
  }
  ids.resize(size_t(prefix.length));
  cache_.set_length(slot, 0);  // forgets whose keys these were
  cache_.start(slot, 0, prompt);
  cache_.set_length(slot, prefix.length);
}

std::vector<BatchGenerator::Share> BatchGenerator::shares() {
  std::vector<Share> shares;
  int64_t room = options_.pass_tokens;
  for (const auto& lane : lanes_) {
    if (reading(*lane)) continue;
    std::span<const int32_t> next = lane->drafted->next();
    shares.push_back({lane.get(), {next.begin(), next.end()}, std::ssize(next)});
    room -= std::ssize(next);
  }
  for (const auto& lane : lanes_) {
    if (!reading(*lane) || room <= 0) continue;
    auto rest = std::span(lane->request.prompt).subspan(held(*lane).size());
    auto part = rest.first(std::min(rest.size(), size_t(room)));
    shares.push_back({lane.get(), {part.begin(), part.end()}, part.size() == rest.size() ? 1 : 0});
    room -= std::ssize(part);
  }
  return shares;
}

// The logits asked for, share by share, [rows, V] f32 on the host.
Tensor BatchGenerator::forward(const std::vector<Share>& shares) {
  std::vector<std::vector<int32_t>> sequences;
  std::vector<int64_t> slots, past;
  int64_t tokens = 0;
  for (const Share& share : shares) {
    sequences.push_back(share.ids);
    slots.push_back(share.lane->slot);
    past.push_back(cache_.length(share.lane->slot));
    tokens += std::ssize(share.ids);
    std::vector<int32_t>& ids = held(*share.lane);
    ids.insert(ids.end(), share.ids.begin(), share.ids.end());
  }
  int64_t more =
      (TokenBatch::kSteadyTokens - tokens % TokenBatch::kSteadyTokens) % TokenBatch::kSteadyTokens;
  if (options_.steady && more > 0) {
    sequences.emplace_back(size_t(more), 0);
    slots.push_back(options_.slots);
    past.push_back(0);
    cache_.set_length(options_.slots, 0);
  }
  TokenBatch batch = TokenBatch::pack(sequences);
  for (size_t s = 0; s < past.size(); ++s)
    for (int64_t t = batch.starts[s]; t < batch.starts[s + 1]; ++t)
      batch.positions.data<int32_t>()[t] += int32_t(past[s]);
  batch.slots = std::move(slots);
  batch.steady = options_.steady;
  Context cx{backend_};
  Tensor asked = asked_rows(shares, decoder_.hidden(cx, batch, &cache_));
  if (!asked) return {};
  Tensor logits = decoder_.logits(cx, asked);
  Tensor host = Tensor::host(logits.shape(), DType::kF32);
  backend_.copy(logits, host);
  return host;
}

// One below the other; absent when there are none.
Tensor BatchGenerator::asked_rows(const std::vector<Share>& shares, const Tensor& hidden) {
  int64_t rows = 0;
  for (const Share& share : shares) rows += share.rows;
  if (rows == 0) return {};
  if (rows == hidden.dim(0)) return hidden;
  constexpr int64_t kSteady = TokenBatch::kSteadyTokens;
  int64_t padded = options_.steady ? (rows + kSteady - 1) / kSteady * kSteady : rows;
  Tensor asked = backend_.empty({padded, hidden.dim(1)}, hidden.dtype());
  if (padded > rows) backend_.zero(asked);
  std::vector<RowRun> runs;
  int64_t at = 0, end = 0;
  for (const Share& share : shares) {
    end += std::ssize(share.ids);
    if (share.rows > 0) runs.push_back({end - share.rows, at, share.rows});
    at += share.rows;
  }
  backend_.copy_rows(hidden, asked, runs);
  return asked;
}

void BatchGenerator::take(const Share& share, std::span<const float> logits) {
  Lane& lane = *share.lane;
  bool first = lane.drafted->sequence().output().empty();
  if (first) lane.first_token = Clock::now();
  int64_t stand = lane.drafted->take(logits, [&](int32_t id, std::string_view text) {
    lane.text += text;
    return !lane.on_token || lane.on_token(id, text);
  });
  if (!first) {
    std::vector<int32_t>& ids = held(lane);
    ids.resize(ids.size() - size_t(std::ssize(share.ids) - stand));
    cache_.set_length(lane.slot, std::ssize(ids));
  }
}

// Those that have ended give their slots to others.
void BatchGenerator::leave() {
  for (auto& lane : lanes_) {
    const DraftedSequence& drafted = *lane->drafted;
    const Sequence& sequence = drafted.sequence();
    if (!sequence.finished()) continue;
    Clock::time_point now = Clock::now();
    if (sequence.output().empty()) lane->first_token = now;
    GenerationResult result{.ids = {sequence.output().begin(), sequence.output().end()},
                            .text = std::move(lane->text),
                            .finish_reason = *sequence.finished()};
    result.timings = {.prompt_tokens = std::ssize(lane->request.prompt),
                      .reused_tokens = lane->kept,
                      .new_tokens = std::ssize(sequence.output()),
                      .proposed_tokens = drafted.proposed(),
                      .accepted_tokens = drafted.accepted(),
                      .prefill_seconds = seconds_between(lane->entered, lane->first_token),
                      .decode_seconds = seconds_between(lane->first_token, now)};
    finished_.push_back({lane->number, std::move(result)});
    taken_[size_t(lane->slot)] = false;
    lane.reset();
  }
  std::erase(lanes_, nullptr);
}

}  // namespace slm
