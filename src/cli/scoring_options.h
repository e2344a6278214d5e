// The options of commands that score texts with a model, and what they are turned into.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cli/model_options.h"
#include "eval/scoring/score_requests.h"

namespace slm {

inline constexpr int kInterrupted = 130;  // exit code of what Ctrl-C stopped, as shells have it

// A model that is loaded and ready to be scored with. Stays where it is made: parts refer to parts.
class ScoringModel {
 public:
  ScoringModel(const ModelOptions& options, int64_t max_length, bool add_special_tokens);
  ScoringModel(const ScoringModel&) = delete;
  ScoringModel& operator=(const ScoringModel&) = delete;

  const EvaluatedModel& evaluated() const { return evaluated_; }
  std::string fingerprint() const {
    return slm::fingerprint(evaluated_, opened_.model.config, opened_.model.parameters);
  }

 private:
  OpenModel opened_;
  Decoder decoder_;
  EvaluatedModel evaluated_;
};

struct ScoringFlags {
  ModelOptions model;
  std::string batch_size = "auto";
  int64_t max_length = 0;  // 0: the model's
  bool add_special_tokens = false, no_cache = false;

  void add_to(CLI::App& command);
  BatchLimits limits(const ScoringModel& model) const;
  // Beside the file that is written; null without one, or when no cache is wanted.
  std::unique_ptr<ScoreCache> open_cache(const std::string& output, const ScoringModel& model,
                                         Comm& comm) const;
};

}  // namespace slm
