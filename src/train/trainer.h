// The training step: gradients of an objective, accumulated, clipped, applied.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "train/adamw.h"
#include "train/data_parallel.h"
#include "train/loss_scaler.h"
#include "train/objective.h"
#include "train/schedule.h"

namespace slm {

struct StepReport {
  int64_t step = 0;  // counts from 1
  double loss = 0, grad_norm = 0, lr = 0;
  bool skipped = false;   // no update was made; the step counts and its data stays consumed
  bool overflow = false;  // because the gradients did not fit into f16
  double loss_scale = 1;  // that the gradients were computed with; grad_norm is without it
};

struct TrainerOptions {
  int64_t micro_batch = 1, accumulate = 1;  // accumulate: micro batches of all processes together
  double max_grad_norm = 1;                 // 0: no clipping
  int64_t recompute = 0;              // keep only the input of every so many blocks; 0: keep all
  Dropout dropout = {};               // its first_row is the objective's to say
  LossScaler* loss_scaler = nullptr;  // of f16; null: the loss is not scaled
  DataParallel* parallel = nullptr;   // null: this process makes the whole step, the fast way
  // Asked once loss and norm are known, also when they are not finite: false skips the update.
  // Null: every step is made.
  std::function<bool(const StepReport&)> accept = {};
};

// Everything it is given must outlive it.
class Trainer {
 public:
  Trainer(Backend& backend, const Parameters& parameters, Objective& objective, AdamW& optimizer,
          const Schedule& schedule, const TrainerOptions& options);

  // One update, or one skipped. Error when the loss or the gradient is not finite and nobody asked
  // to skip the step; the parameters are then those before it.
  StepReport step();

  int64_t steps() const { return steps_; }      // made or skipped so far
  int64_t samples() const { return samples_; }  // consumed so far
  PhaseClock& clock() { return clock_; }        // of all steps made here
  void resume(int64_t steps, int64_t samples) { steps_ = steps, samples_ = samples; }

 private:
  double compute(const StepSamples& step, int64_t part, const GradientSink& sink);
  void decide(StepReport& report) const;

  Backend& backend_;
  const Parameters& parameters_;
  Objective& objective_;
  AdamW& optimizer_;
  const Schedule& schedule_;
  TrainerOptions options_;
  std::unique_ptr<Comm> alone_;
  std::optional<DataParallel> own_parallel_;
  DataParallel& parallel_;
  int64_t steps_ = 0, samples_ = 0;
  PhaseClock clock_;
};

// The mean loss over `batches` steps' worth of samples from the start of the objective's data;
// with `parallel`, shared among its processes.
double evaluate(Backend& backend, Objective& objective, const StepSamples& first, int64_t batches,
                DataParallel* parallel = nullptr);

}  // namespace slm
