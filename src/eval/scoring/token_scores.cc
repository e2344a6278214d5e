#include "eval/scoring/token_scores.h"

#include <algorithm>

#include "model/token_batch.h"

namespace slm {
namespace {

// Bytes of logits at a time: rows enough to make good use of each read of the output matrix.
constexpr int64_t kLogitBytes = int64_t{96} << 20;
constexpr int64_t kUnit = TokenBatch::kSteadyTokens;

int64_t rows_at_a_time(int64_t vocab) {
  return std::max(kUnit, kLogitBytes / int64_t(sizeof(float)) / vocab / kUnit * kUnit);
}

// Most tokens are beaten by one of the first, common ones: short stretches, and out.
bool is_first_maximum(std::span<const float> logits, int32_t target) {
  constexpr size_t kStretch = 512;
  float mine = logits[size_t(target)];
  for (size_t begin = 0; begin < logits.size(); begin += kStretch) {
    size_t end = std::min(begin + kStretch, logits.size());
    bool beaten = false;
    for (size_t i = begin; i < end; ++i)
      beaten |= logits[i] > mine || (logits[i] == mine && i < size_t(target));
    if (beaten) return false;
  }
  return true;
}

// Queries [begin, end) of at most as many different rows as there is room for logits.
class Chunk {
 public:
  Chunk(std::span<const TokenQuery> queries, int64_t most_rows) {
    for (const TokenQuery& q : queries) {
      if (rows_.empty() || rows_.back() != q.row) {
        if (int64_t(rows_.size()) == most_rows) break;
        rows_.push_back(q.row);
      }
      places_.push_back(int64_t(rows_.size()) - 1);
    }
    queries_ = queries.first(places_.size());
  }

  size_t size() const { return queries_.size(); }

  // [R, V] f32, R padded to whole tiles.
  Tensor logits(Context& cx, const Decoder& decoder, const Tensor& hidden) const {
    int64_t count = int64_t(rows_.size()), padded = (count + kUnit - 1) / kUnit * kUnit;
    Tensor states = cx.backend.empty({padded, hidden.dim(1)}, hidden.dtype());
    std::vector<RowRun> runs;
    for (int64_t r = 0; r < padded; ++r)
      runs.push_back({rows_[size_t(std::min(r, count - 1))], r, 1});
    cx.backend.copy_rows(hidden, states, runs);
    Tensor computed = decoder.logits(cx, states);
    if (computed.dtype() == DType::kF32) return computed;
    Tensor wide = cx.backend.empty(computed.shape(), DType::kF32);
    cx.backend.copy(computed, wide);
    return wide;
  }

  // A row may be asked for several targets: the n-th of every row in the n-th round.
  void score(Context& cx, const Tensor& logits, std::span<TokenScore> scores) const {
    int64_t rows = logits.dim(0), vocab = logits.dim(1);
    Tensor targets = Tensor::host({rows}, DType::kI32), numbers = to_host(cx.backend, logits);
    Tensor device_losses = cx.backend.empty({rows}, DType::kF32);
    std::vector<size_t> asked;
    for (size_t round = 0; !(asked = queries_of(round)).empty(); ++round) {
      std::ranges::fill(targets.span<int32_t>(), -1);
      for (size_t q : asked) targets.data<int32_t>()[places_[q]] = queries_[q].target;
      cx.backend.cross_entropy({.logits = logits, .targets = targets, .losses = device_losses});
      Tensor losses = to_host(cx.backend, device_losses);
      for (size_t q : asked) {
        auto row = numbers.span<const float>().subspan(size_t(places_[q] * vocab), size_t(vocab));
        scores[q] = {-losses.data<float>()[places_[q]], is_first_maximum(row, queries_[q].target)};
      }
    }
  }

 private:
  std::vector<size_t> queries_of(size_t round) const {
    std::vector<size_t> found;
    for (size_t q = round; q < places_.size(); ++q)
      if (places_[q] == places_[q - round] && (q == round || places_[q - round - 1] != places_[q]))
        found.push_back(q);
    return found;
  }

  std::span<const TokenQuery> queries_;
  std::vector<int64_t> rows_, places_;  // rows of hidden; place among them of each query
};

}  // namespace

std::vector<TokenScore> score_tokens(Context& cx, const Decoder& decoder, const Tensor& hidden,
                                     std::span<const TokenQuery> queries) {
  std::vector<TokenScore> scores(queries.size());
  int64_t most = rows_at_a_time(decoder.spec().vocab);
  for (size_t done = 0; done < queries.size();) {
    Chunk chunk(queries.subspan(done), most);
    Tensor logits = chunk.logits(cx, decoder, hidden);
    chunk.score(cx, logits, std::span(scores).subspan(done, chunk.size()));
    done += chunk.size();
  }
  return scores;
}

}  // namespace slm
