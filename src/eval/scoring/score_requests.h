// Answers the requests of an evaluation: from the cache where they are known, else by the model.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "comm/comm.h"
#include "eval/request.h"
#include "eval/scoring/batch_plan.h"
#include "eval/scoring/evaluated_model.h"
#include "eval/scoring/score_cache.h"

namespace slm {

struct ScoringOptions {
  BatchLimits limits;               // of limits_by_memory(), or the user's
  ScoreCache* cache = nullptr;      // null: nothing is kept
  Comm* comm = nullptr;             // its processes share the documents out; null: this one alone
  std::function<bool()> stop = {};  // asked between batches: true ends the work
  bool show_progress = true;
};

struct RequestScores {
  std::vector<Score> scores;            // one per request
  std::map<int, std::string> failures;  // tasks that could not be scored, and why
  bool stopped = false;                 // before the end: scores are missing
  int64_t from_cache = 0;               // requests
  int64_t tokens_read = 0;              // by the model
  int64_t tokens_asked = 0;             // of all requests by themselves, without sharing
};

// Requests grouped by task. Tasks are scored one after the other; a problem with one is its
// failure, the others go on. With several processes all make this call, and the first gets the
// whole result. Scores do not depend on their number.
RequestScores score_requests(const EvaluatedModel& model, std::span<const Request> requests,
                             const ScoringOptions& options);

}  // namespace slm
