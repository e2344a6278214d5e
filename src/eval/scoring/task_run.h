// Some requests on their way through the model.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "eval/request.h"
#include "eval/scoring/batch_plan.h"
#include "eval/scoring/evaluated_model.h"
#include "eval/scoring/greedy_text.h"

namespace slm {

struct Finished {
  size_t request;
  Score score;
};

class TaskRun {
 public:
  // Told what a batch finished (possibly nothing) and how many tokens the model read for it; false
  // ends the work.
  using OnBatch = std::function<bool(std::span<const Finished>, int64_t tokens)>;

  // `chosen`: indices of the requests to answer. Error when one cannot be put to the model.
  TaskRun(const EvaluatedModel& model, std::span<const Request> requests,
          std::span<const size_t> chosen);

  int64_t tokens_asked() const { return tokens_asked_; }  // of the inputs, each by itself
  void run(const BatchLimits& limits, const OnBatch& on_batch);

 private:
  // A request of passages: one, or the windows of a text.
  struct Scored {
    size_t request, first_passage, passages, left;
  };
  bool run_passages(const BatchLimits& limits, const OnBatch& on_batch);
  Score sum(const Scored& scored) const;

  const EvaluatedModel& model_;
  std::vector<Passage> passages_;
  std::vector<PassageScore> scores_;  // of the passages
  std::vector<size_t> owner_;         // of each passage: index into scored_
  std::vector<Scored> scored_;
  std::vector<GreedyPrompt> prompts_;
  std::vector<size_t> prompt_request_;
  int64_t tokens_asked_ = 0;
};

}  // namespace slm
