// Passages that begin alike, as a tree: every token that several of them have in common is one row
// of the model's batch.
#pragma once

#include <span>
#include <vector>

#include "eval/scoring/passage.h"
#include "model/token_batch.h"

namespace slm {

// How many tokens two inputs have in common from the first on.
int64_t common_prefix(const Passage& a, const Passage& b);

class PrefixTree {
 public:
  // `passages` in ascending order; kept as a view. Those longer than `longest_shared` tokens stand
  // alone (0: none does).
  PrefixTree(std::span<const Passage* const> passages, int64_t longest_shared = 0);

  int64_t tokens() const { return starts_.back(); }

  // All of it, and as many tokens more as whole tiles need (TokenBatch::kSteadyTokens).
  TokenBatch batch() const;

  // The rows of that batch behind which the passage's targets come.
  std::vector<int64_t> scored_rows(size_t passage) const;

 private:
  struct Node {
    int64_t parent, depth;  // depth: position of its first token
    size_t passage;         // one of those it belongs to
    int64_t end;            // position behind its last token
  };
  void build(size_t begin, size_t end, int64_t depth, int64_t parent);
  int64_t shared(size_t begin, size_t end) const;

  std::span<const Passage* const> passages_;
  std::vector<int64_t> common_;  // of each passage with the one before it
  std::vector<Node> nodes_;      // parents before their children
  std::vector<int64_t> starts_{0};
  std::vector<int64_t> leaf_;  // the node in which each passage ends
};

}  // namespace slm
