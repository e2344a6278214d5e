// The training step: gradients of an objective, accumulated, clipped, applied.
#pragma once

#include <functional>

#include "train/adamw.h"
#include "train/objective.h"
#include "train/schedule.h"

namespace slm {

struct StepReport {
  int64_t step = 0;  // counts from 1
  double loss = 0, grad_norm = 0, lr = 0;
  bool skipped = false;  // no update was made; the step counts and its data stays consumed
};

struct TrainerOptions {
  int64_t micro_batch = 1, accumulate = 1;
  double max_grad_norm = 1;  // 0: no clipping
  bool recompute = false;    // keep only block inputs for the backward pass
  // Asked once loss and norm are known, also when they are not finite: false skips the update.
  // Null: every step is made.
  std::function<bool(const StepReport&)> accept = {};
};

// Everything it is given must outlive it.
class Trainer {
 public:
  Trainer(Backend& backend, const Parameters& parameters, Objective& objective, AdamW& optimizer,
          const Schedule& schedule, const TrainerOptions& options);

  // One update. Error when the loss or the gradient is not finite; the parameters are then those
  // before the step.
  StepReport step();

  int64_t steps() const { return steps_; }      // made so far
  int64_t samples() const { return samples_; }  // consumed so far
  PhaseClock& clock() { return clock_; }        // of all steps made here
  void resume(int64_t steps, int64_t samples) { steps_ = steps, samples_ = samples; }

 private:
  Backend& backend_;
  const Parameters& parameters_;
  Objective& objective_;
  AdamW& optimizer_;
  const Schedule& schedule_;
  TrainerOptions options_;
  int64_t steps_ = 0, samples_ = 0;
  PhaseClock clock_;
};

// The mean loss over `batches` steps' worth of samples from the start of the objective's data.
double evaluate(Backend& backend, Objective& objective, StepSamples first, int64_t batches);

}  // namespace slm
