// The model that the harness's own tests pin results with: random scores that do not look at the
// requests.
#pragma once

#include <vector>

#include "eval/python_random.h"
#include "eval/request.h"

namespace slm::testing {

inline std::vector<Score> dummy_scores(size_t count) {
  PythonRandom random(42);
  std::vector<Score> scores(count);
  for (Score& score : scores) score.log_likelihood = -random.random();
  return scores;
}

}  // namespace slm::testing
