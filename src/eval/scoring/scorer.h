// Scores passages with a model: sorted, so that those that begin alike meet; packed into batches in
// which common beginnings are computed once; logits only where they are asked for.
//
// A passage's score depends on nothing but the passage, the model and the kind of backend: not on
// the size of batches, the order, the other passages or the number of threads, bit for bit.
#pragma once

#include <span>
#include <vector>

#include "eval/scoring/batch_plan.h"
#include "eval/scoring/passage.h"
#include "model/decoder.h"

namespace slm {

// What fits into memory beside the model, where it computes; at most what makes products of full
// speed.
BatchLimits limits_by_memory(const Decoder& decoder, const Backend& backend);

// The work on some passages, cut into batches. The passages must outlive it.
class ScoringWork {
 public:
  ScoringWork(std::span<const Passage> passages, const BatchLimits& limits);

  size_t batches() const { return ranges_.size(); }
  std::span<const Passage* const> batch(size_t i) const {
    return std::span(sorted_).subspan(ranges_[i].begin, ranges_[i].end - ranges_[i].begin);
  }
  int64_t tokens(size_t i) const { return ranges_[i].tokens; }
  int64_t tokens() const;  // of all batches
  size_t index(const Passage* passage) const { return size_t(passage - first_); }

 private:
  const Passage* first_;
  std::vector<const Passage*> sorted_;
  std::vector<BatchRange> ranges_;
};

// Decoder and backend must outlive it. Not thread-safe.
class Scorer {
 public:
  Scorer(const Decoder& decoder, Backend& backend) : decoder_(decoder), backend_(backend) {}

  // Of one batch, passages ascending.
  std::vector<PassageScore> score(std::span<const Passage* const> passages);
  // Of all, in the order given.
  std::vector<PassageScore> score(std::span<const Passage> passages, const BatchLimits& limits);

 private:
  const Decoder& decoder_;
  Backend& backend_;
};

}  // namespace slm
