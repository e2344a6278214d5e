// A pre-training run from its configuration to its last checkpoint.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "comm/comm.h"
#include "train/plan.h"
#include "train/run_config.h"

namespace slm {

struct PretrainOptions {
  std::string backend = "auto";
  BackendOptions backend_options = {};
  // Makes another backend than the one of that name; null: that one.
  std::function<std::unique_ptr<Backend>(const BackendOptions&)> make_backend = {};
  bool resume = false;   // continue from the newest good checkpoint in `save`, if there is one
  bool dry_run = false;  // data and tokenizer may be missing
  Comm* comm = nullptr;  // the processes of the run; null: this one alone
  // Receives lines for the person: notes, what was loaded and saved.
  std::function<void(std::string_view)> say = [](std::string_view) {};
};

// Prepares everything in the constructor: model, data, and, as the configuration says, the state to
// continue from. `files` are kept with each checkpoint.
class Pretraining {
 public:
  Pretraining(RunConfig config, std::vector<ConfigSource> files, PretrainOptions options);
  ~Pretraining();
  Pretraining(const Pretraining&) = delete;
  Pretraining& operator=(const Pretraining&) = delete;

  // Trains to the last step, validating, logging and saving on the way. After SIGINT or SIGTERM:
  // finishes the step, saves and returns false.
  bool run();

  // The plan, timed with a few steps (which are then lost) when that is cheap.
  static std::string plan(const RunConfig& config, const PretrainOptions& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slm
