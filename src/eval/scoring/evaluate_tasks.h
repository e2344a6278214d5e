// The whole way from a prepared evaluation to its results, for a command and for a run in training.
#pragma once

#include <vector>

#include "eval/evaluation.h"
#include "eval/scoring/score_requests.h"

namespace slm {

struct EvaluationOutcome {
  Results results;                    // of the tasks that could be scored; no config yet
  std::vector<TaskFailure> failures;  // of those that could not be prepared or scored
  RequestScores scores;               // one per request of the evaluation
  std::vector<size_t> finished;       // indices of the tasks in `results`
};

// With several processes (options.comm) all make this call, and the first gets the outcome. Nothing
// finished when the work was stopped.
EvaluationOutcome evaluate_tasks(const EvaluatedModel& model, const Evaluation& evaluation,
                                 const ScoringOptions& options);

}  // namespace slm
