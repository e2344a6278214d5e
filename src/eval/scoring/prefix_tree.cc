#include "eval/scoring/prefix_tree.h"

#include <algorithm>

namespace slm {

int64_t common_prefix(const Passage& a, const Passage& b) {
  return std::ranges::mismatch(a.input, b.input).in1 - a.input.begin();
}

PrefixTree::PrefixTree(std::span<const Passage* const> passages, int64_t longest_shared)
    : passages_(passages), common_(passages.size(), 0), leaf_(passages.size(), -1) {
  auto alone = [&](size_t i) {
    return longest_shared > 0 && passages[i]->length() > longest_shared;
  };
  for (size_t i = 1; i < passages.size(); ++i)
    if (!alone(i - 1) && !alone(i)) common_[i] = common_prefix(*passages[i - 1], *passages[i]);
  build(0, passages.size(), 0, -1);
}

// Tokens that passages [begin, end) have in common.
int64_t PrefixTree::shared(size_t begin, size_t end) const {
  int64_t least = passages_[begin]->length();
  for (size_t i = begin + 1; i < end; ++i) least = std::min(least, common_[i]);
  return least;
}

// What the passages share from `depth` on is a node; where they part, each group goes on below it.
void PrefixTree::build(size_t begin, size_t end, int64_t depth, int64_t parent) {
  int64_t until = shared(begin, end);
  if (until > depth) {
    nodes_.push_back({parent, depth, begin, until});
    starts_.push_back(starts_.back() + until - depth);
    parent = int64_t(nodes_.size()) - 1;
  }
  size_t next = begin;
  while (next < end && passages_[next]->length() == until) leaf_[next++] = parent;
  while (next < end) {
    size_t group = next++;
    while (next < end && common_[next] > until) ++next;
    build(group, next, until, parent);
  }
}

TokenBatch PrefixTree::batch() const {
  std::vector<std::vector<int32_t>> sequences;
  std::vector<int64_t> parents;
  for (const Node& node : nodes_) {
    const auto& input = passages_[node.passage]->input;
    sequences.emplace_back(input.begin() + node.depth, input.begin() + node.end);
    parents.push_back(node.parent);
  }
  constexpr int64_t kUnit = TokenBatch::kSteadyTokens;
  if (int64_t missing = (kUnit - tokens() % kUnit) % kUnit) {
    sequences.emplace_back(size_t(missing), 0);
    parents.push_back(-1);
  }
  return TokenBatch::tree(sequences, std::move(parents));
}

std::vector<int64_t> PrefixTree::scored_rows(size_t passage) const {
  const Passage& p = *passages_[passage];
  std::vector<int64_t> rows(p.targets.size());
  int64_t node = leaf_[passage];
  for (int64_t at = p.length() - 1; at >= p.first_scored(); --at) {
    while (nodes_[size_t(node)].depth > at) node = nodes_[size_t(node)].parent;
    rows[size_t(at - p.first_scored())] = starts_[size_t(node)] + at - nodes_[size_t(node)].depth;
  }
  return rows;
}

}  // namespace slm
