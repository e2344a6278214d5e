#include "eval/scoring/evaluate_tasks.h"

namespace slm {

EvaluationOutcome evaluate_tasks(const EvaluatedModel& model, const Evaluation& evaluation,
                                 const ScoringOptions& options) {
  EvaluationOutcome outcome{.failures = evaluation.failures(),
                            .scores = score_requests(model, evaluation.requests(), options)};
  bool complete = !outcome.scores.stopped && (!options.comm || options.comm->first());
  for (size_t t = 0; complete && t < evaluation.tasks().size(); ++t) {
    auto failed = outcome.scores.failures.find(int(t));
    if (failed != outcome.scores.failures.end()) {
      outcome.failures.push_back({evaluation.tasks()[t].task.name, failed->second});
      continue;
    }
    outcome.results.tasks.push_back(evaluation.finish(t, outcome.scores.scores));
    outcome.finished.push_back(t);
  }
  return outcome;
}

}  // namespace slm
