#include "eval/scoring/greedy_text.h"

#include <algorithm>
#include <numeric>

#include "model/kv_cache.h"
#include "model/token_batch.h"
#include "util/error.h"
#include "util/memory.h"

namespace slm {
namespace {

constexpr int64_t kMostTexts = 32;

std::string cut(std::string text, const std::vector<std::string>& stops) {
  for (const std::string& stop : stops)
    if (!stop.empty()) text.resize(std::min(text.size(), text.find(stop)));
  return text;
}

int32_t first_maximum(std::span<const float> logits) {
  return int32_t(std::ranges::max_element(logits) - logits.begin());
}

// One text on its way.
class Text {
 public:
  Text(const EvaluatedModel& model, const GreedyPrompt& prompt, size_t place, int64_t own_slot)
      : index(place), slot(own_slot), prompt_(&prompt), tokenizer_(&model.tokenizer) {
    std::vector<int32_t> ids;
    if (!prompt.stop.empty()) ids = tokenizer_->encode(prompt.stop.front());
    stop_ = ids.size() == 1 ? ids.front() : model.passages.end_of_text;
  }

  void push(int32_t id) {
    ended_ = id == stop_;
    if (!ended_) output_.push_back(id);
  }
  bool ended() const {
    if (ended_ || int64_t(output_.size()) >= prompt_->max_tokens) return true;
    std::string text = tokenizer_->decode(output_);
    return cut(text, prompt_->stop).size() < text.size();
  }
  std::string text() const { return cut(tokenizer_->decode(output_), prompt_->stop); }
  const GreedyPrompt& prompt() const { return *prompt_; }
  int32_t last() const { return output_.back(); }

  const size_t index;
  const int64_t slot;

 private:
  const GreedyPrompt* prompt_;
  const Tokenizer* tokenizer_;
  int32_t stop_;
  bool ended_ = false;
  std::vector<int32_t> output_;
};

// Some prompts, continued token by token until the last of them ends.
class Group {
 public:
  Group(const EvaluatedModel& model, std::span<const GreedyPrompt> prompts,
        std::span<const size_t> chosen)
      : model_(model),
        cx_{model.backend},
        cache_(model.backend, model.decoder.spec(), int64_t(chosen.size()) + 1,
               capacity(prompts, chosen)) {
    for (size_t i : chosen) texts_.emplace_back(model, prompts[i], i, int64_t(texts_.size()));
    for (Text& text : texts_) prefill(text);
  }

  std::vector<const Text*> take_ended() {
    std::vector<const Text*> ended;
    for (const Text& text : texts_)
      if (alive_[size_t(text.slot)] && text.ended()) {
        alive_[size_t(text.slot)] = false;
        ended.push_back(&text);
      }
    return ended;
  }

  bool done() const { return std::ranges::find(alive_, true) == alive_.end(); }

  // One more token for each. The batch always has the same number of rows, so that no text's
  // rounding depends on the others: a sequence of no meaning fills it up.
  void step() {
    std::vector<std::vector<int32_t>> sequences;
    std::vector<int64_t> slots;
    std::vector<Text*> asked;
    for (Text& text : texts_) {
      if (!alive_[size_t(text.slot)]) continue;
      sequences.push_back({text.last()});
      slots.push_back(text.slot);
      asked.push_back(&text);
    }
    int64_t filler = int64_t(texts_.size());
    sequences.emplace_back(size_t(TokenBatch::kSteadyTokens) - asked.size(), 0);
    slots.push_back(filler);
    cache_.set_length(filler, 0);
    TokenBatch batch = TokenBatch::pack(sequences);
    for (size_t i = 0; i < asked.size(); ++i)
      batch.positions.data<int32_t>()[i] = int32_t(cache_.length(slots[i]));
    batch.slots = slots;
    Tensor logits = logits_of(model_.decoder.hidden(cx_, batch, &cache_));
    for (size_t i = 0; i < asked.size(); ++i) push(*asked[i], logits, int64_t(i));
  }

 private:
  static int64_t capacity(std::span<const GreedyPrompt> prompts, std::span<const size_t> chosen) {
    int64_t most = TokenBatch::kSteadyTokens;
    for (size_t i : chosen)
      most = std::max(most, int64_t(prompts[i].ids.size()) + prompts[i].max_tokens);
    return most;
  }

  void prefill(Text& text) {
    const auto& ids = text.prompt().ids;
    TokenBatch batch = TokenBatch::next(ids, 0, text.slot);
    Tensor hidden = model_.decoder.hidden(cx_, batch, &cache_);
    alive_.push_back(true);
    push(text, logits_of(hidden.rows(hidden.dim(0) - 1, hidden.dim(0))), 0);
  }

  Tensor logits_of(const Tensor& hidden) {
    return to_dtype(model_.decoder.logits(cx_, hidden), DType::kF32);
  }

  void push(Text& text, const Tensor& logits, int64_t row) {
    text.push(first_maximum(logits.rows(row, row + 1).span<const float>()));
  }

  const EvaluatedModel& model_;
  Context cx_;
  KvCache cache_;
  std::vector<Text> texts_;
  std::vector<bool> alive_;
};

int64_t texts_at_a_time(const DecoderSpec& spec, std::span<const GreedyPrompt> prompts) {
  int64_t longest = TokenBatch::kSteadyTokens;
  for (const GreedyPrompt& p : prompts)
    longest = std::max(longest, int64_t(p.ids.size()) + p.max_tokens);
  int64_t bytes = longest * KvCache::bytes_per_token(spec, DType::kF32);
  return std::clamp<int64_t>(available_memory() / 4 / bytes - 1, 1, kMostTexts);
}

}  // namespace

void continue_greedily(const EvaluatedModel& model, std::span<const GreedyPrompt> prompts,
                       const std::function<bool(size_t index, const std::string& text)>& finished) {
  for (const GreedyPrompt& p : prompts)
    check(!p.ids.empty() && p.max_tokens > 0, "[evaluate] {} new tokens after a prompt of {}",
          p.max_tokens, p.ids.size());
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return prompts[a].ids.size() > prompts[b].ids.size(); });
  size_t most = size_t(texts_at_a_time(model.decoder.spec(), prompts));
  for (size_t begin = 0; begin < order.size(); begin += most) {
    size_t count = std::min(most, order.size() - begin);
    Group group(model, prompts, std::span(order).subspan(begin, count));
    while (true) {
      for (const Text* text : group.take_ended())
        if (!finished(text->index, text->text())) return;
      if (group.done()) break;
      group.step();
    }
  }
}

}  // namespace slm
