#include "eval/scoring/greedy_text.h"

#include <algorithm>
#include <numeric>

#include "generate/batch_generator.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr int64_t kMostTexts = 32;

std::string cut(std::string text, const std::vector<std::string>& stops) {
  for (const std::string& stop : stops)
    if (!stop.empty()) text.resize(std::min(text.size(), text.find(stop)));
  return text;
}

// One text on its way.
class Text {
 public:
  Text(const EvaluatedModel& model, const GreedyPrompt& prompt)
      : prompt_(&prompt), tokenizer_(&model.tokenizer) {
    std::vector<int32_t> ids;
    if (!prompt.stop.empty()) ids = tokenizer_->encode(prompt.stop.front());
    stop_ = ids.size() == 1 ? ids.front() : model.passages.end_of_text;
  }

  // False when the text ends with it.
  bool push(int32_t id) {
    if (id == stop_) return false;
    output_.push_back(id);
    std::string text = tokenizer_->decode(output_);
    return cut(text, prompt_->stop).size() == text.size();
  }
  std::string text() const { return cut(tokenizer_->decode(output_), prompt_->stop); }

 private:
  const GreedyPrompt* prompt_;
  const Tokenizer* tokenizer_;
  int32_t stop_;
  std::vector<int32_t> output_;
};

int64_t longest_text(std::span<const GreedyPrompt> prompts) {
  int64_t longest = TokenBatch::kSteadyTokens;
  for (const GreedyPrompt& p : prompts)
    longest = std::max(longest, int64_t(p.ids.size()) + p.max_tokens);
  return longest;
}

int64_t texts_at_a_time(const EvaluatedModel& model, int64_t longest) {
  int64_t bytes = longest * KvCache::bytes_per_token(model.decoder.spec(), DType::kF32);
  int64_t room = free_memory(model.backend, model.decoder.placement()) / 4;
  return std::clamp<int64_t>(room / bytes - 1, 1, kMostTexts);
}

}  // namespace

void continue_greedily(const EvaluatedModel& model, std::span<const GreedyPrompt> prompts,
                       const std::function<bool(size_t index, const std::string& text)>& finished) {
  for (const GreedyPrompt& p : prompts)
    check(!p.ids.empty() && p.max_tokens > 0, "[evaluate] {} new tokens after a prompt of {}",
          p.max_tokens, p.ids.size());
  if (prompts.empty()) return;
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return prompts[a].ids.size() > prompts[b].ids.size(); });

  int64_t longest = longest_text(prompts);
  BatchGenerator batch(
      model.decoder, model.backend, nullptr,
      {.slots = texts_at_a_time(model, longest), .context = longest, .steady = true});
  std::vector<Text> texts;
  for (size_t i : order) texts.emplace_back(model, prompts[i]);
  for (size_t t = 0; t < order.size(); ++t) {
    const GreedyPrompt& prompt = prompts[order[t]];
    batch.add(
        {.prompt = prompt.ids, .sampling = {.temperature = 0}, .max_new_tokens = prompt.max_tokens},
        [&texts, t](int32_t id, std::string_view) { return texts[t].push(id); });
  }
  for (bool more = true; more;) {
    more = batch.step();
    for (const BatchGenerator::Finished& end : batch.take_finished())
      if (size_t t = size_t(end.number); !finished(order[t], texts[t].text())) return;
  }
}

}  // namespace slm
