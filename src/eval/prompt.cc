#include "eval/prompt.h"

#include <algorithm>
#include <numeric>

#include "util/error.h"

namespace slm {

PromptBuilder::PromptBuilder(const Task& task, int shots, const std::string& description,
                             const RowSource& data)
    : rule_(task.examples),
      shots_(shots),
      description_(task.description.empty() ? description : task.description) {
  check(shots >= 0, "{}: {} examples", task.name, shots);
  if (shots == 0) return;
  check(rule_ != Examples::kNone, "{} takes no examples: its prompt is fixed; use --num-fewshot 0",
        task.name);
  pool_ = data.documents(task, task.examples_split);
  const int64_t needed = shots_ + (rule_ == Examples::kSampleOthers);
  check(std::ssize(pool_) >= needed, "{}: {} examples need {} rows in the {} split, found {}",
        task.name, shots_, needed, split_name(task.examples_split), pool_.size());
}

std::vector<int64_t> PromptBuilder::choose(const Document& document, PythonRandom& random) const {
  const int64_t n = std::ssize(pool_);
  if (rule_ == Examples::kFirst) {
    std::vector<int64_t> first(static_cast<size_t>(shots_));
    std::iota(first.begin(), first.end(), 0);
    return first;
  }
  if (rule_ == Examples::kSample) return random.sample(n, shots_);
  std::vector<int64_t> drawn = random.sample(n, shots_ + 1);
  std::erase_if(drawn, [&](int64_t i) { return pool_[size_t(i)] == document; });
  drawn.resize(std::min(drawn.size(), size_t(shots_)));
  return drawn;
}

std::string PromptBuilder::context(const Document& document, PythonRandom& random) const {
  constexpr std::string_view kBreak = "\n\n";
  std::string out;
  if (!description_.empty()) (out += description_) += kBreak;
  if (shots_ > 0)
    for (int64_t i : choose(document, random)) {
      const Document& example = pool_[size_t(i)];
      ((out += example.text) += example.target) += kBreak;
    }
  return out += document.text;
}

}  // namespace slm
