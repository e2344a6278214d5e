// `stablelm evaluate MODEL`: tasks that are ready are put to a model.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/scoring_options.h"
#include "eval/evaluation.h"

namespace slm {

struct EvaluateRun {
  ScoringFlags scoring;
  std::string output;  // results as JSON; empty: only shown
  bool log_samples = false;

  void add_to(CLI::App& command);
};

// In every process of a job. Shows and writes the results of all tasks that could be evaluated.
// Returns the exit code: 1 when one could not.
int run_evaluation(Comm& comm, const EvaluateRun& run, const Evaluation& evaluation);

}  // namespace slm
