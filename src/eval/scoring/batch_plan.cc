#include "eval/scoring/batch_plan.h"

#include <algorithm>

#include "eval/scoring/prefix_tree.h"

namespace slm {
namespace {

// Keys of a path are laid out once per passage, so they are bounded too: so many rows of them take
// as much memory as one token takes elsewhere.
constexpr int64_t kKeyRowsPerToken = 8;
// A batch may end this much early for the sake of a better cut.
constexpr double kFullEnough = 0.75;

class Planner {
 public:
  Planner(std::span<const Passage* const> passages, const BatchLimits& limits)
      : passages_(passages), limits_(limits), common_(passages.size(), 0) {
    for (size_t i = 1; i < passages.size(); ++i)
      common_[i] = common_prefix(*passages[i - 1], *passages[i]);
  }

  BatchRange next(size_t begin) const {
    int64_t tokens = passages_[begin]->length(), key_rows = tokens;
    BatchRange best{begin, begin + 1, tokens};
    for (size_t i = begin + 1; i <= passages_.size(); ++i) {
      bool full_enough = double(tokens) >= kFullEnough * double(limits_.tokens);
      bool last = i == passages_.size();
      if (last || !full_enough || common_[i] <= common_[best.end]) best = {begin, i, tokens};
      if (last) break;
      tokens += passages_[i]->length() - common_[i];
      key_rows += passages_[i]->length();
      if (!fits(tokens, key_rows, i + 1 - begin)) break;
    }
    return best;
  }

 private:
  bool fits(int64_t tokens, int64_t key_rows, size_t texts) const {
    return tokens <= limits_.tokens && key_rows <= kKeyRowsPerToken * limits_.tokens &&
           (limits_.texts == 0 || int64_t(texts) <= limits_.texts);
  }

  std::span<const Passage* const> passages_;
  BatchLimits limits_;
  std::vector<int64_t> common_;
};

}  // namespace

std::vector<BatchRange> plan_batches(std::span<const Passage* const> passages,
                                     const BatchLimits& limits) {
  Planner planner(passages, limits);
  std::vector<BatchRange> batches;
  for (size_t begin = 0; begin < passages.size(); begin = batches.back().end)
    batches.push_back(planner.next(begin));
  return batches;
}

}  // namespace slm
