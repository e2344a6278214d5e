#include "eval/scoring/scorer.h"

#include <algorithm>
#include <numeric>

#include "eval/scoring/prefix_tree.h"
#include "eval/scoring/token_scores.h"
#include "model/sizes.h"
#include "util/error.h"

namespace slm {
namespace {

void check_tokens(std::span<const Passage* const> passages, int64_t vocab) {
  for (const Passage* p : passages)
    for (const auto* ids : {&p->input, &p->targets})
      for (int32_t id : *ids)
        check(0 <= id && id < vocab,
              "[evaluate] token id {}, but the model has {} tokens: does the tokenizer belong to "
              "it?",
              id, vocab);
}

}  // namespace

BatchLimits limits_by_memory(const Decoder& decoder, const Backend& backend) {
  constexpr int64_t kLeast = 256, kMost = 4096;
  int64_t room = free_memory(backend, decoder.placement()) / 4;
  return {.tokens = std::clamp(room / pass_bytes_per_token(decoder.spec()), kLeast, kMost)};
}

ScoringWork::ScoringWork(std::span<const Passage> passages, const BatchLimits& limits)
    : first_(passages.data()) {
  for (const Passage& p : passages) sorted_.push_back(&p);
  std::ranges::sort(sorted_, [](const Passage* a, const Passage* b) { return *a < *b; });
  ranges_ = plan_batches(sorted_, limits);
}

int64_t ScoringWork::tokens() const {
  return std::accumulate(ranges_.begin(), ranges_.end(), int64_t{0},
                         [](int64_t sum, const BatchRange& r) { return sum + r.tokens; });
}

std::vector<PassageScore> Scorer::score(std::span<const Passage* const> passages) {
  check_tokens(passages, decoder_.spec().vocab);
  PrefixTree tree(passages, decoder_.spec().rope.ntk_length);
  std::vector<std::vector<int64_t>> rows;
  std::vector<TokenQuery> queries;
  for (size_t p = 0; p < passages.size(); ++p) {
    rows.push_back(tree.scored_rows(p));
    for (size_t i = 0; i < rows[p].size(); ++i)
      queries.push_back({rows[p][i], passages[p]->targets[i]});
  }
  std::ranges::sort(queries);
  queries.erase(std::unique(queries.begin(), queries.end()), queries.end());

  Context cx{backend_};
  Tensor hidden = decoder_.hidden(cx, tree.batch());
  std::vector<TokenScore> tokens = score_tokens(cx, decoder_, hidden, queries);
  std::vector<PassageScore> scores(passages.size());
  for (size_t p = 0; p < passages.size(); ++p)
    for (size_t i = 0; i < rows[p].size(); ++i) {
      auto at = std::ranges::lower_bound(queries, TokenQuery{rows[p][i], passages[p]->targets[i]});
      const TokenScore& token = tokens[size_t(at - queries.begin())];
      scores[p].log_likelihood += double(token.log_probability);
      scores[p].greedy &= token.likeliest;
    }
  return scores;
}

std::vector<PassageScore> Scorer::score(std::span<const Passage> passages,
                                        const BatchLimits& limits) {
  ScoringWork work(passages, limits);
  std::vector<PassageScore> scores(passages.size());
  for (size_t b = 0; b < work.batches(); ++b) {
    std::vector<PassageScore> some = score(work.batch(b));
    for (size_t i = 0; i < some.size(); ++i) scores[work.index(work.batch(b)[i])] = some[i];
  }
  return scores;
}

}  // namespace slm
