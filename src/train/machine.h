// A run's moving parts, built as its configuration says.
#pragma once

#include <functional>
#include <optional>

#include "model/model_part.h"
#include "train/data_parallel.h"
#include "train/loss_scaler.h"
#include "train/model_shape.h"
#include "train/next_token.h"
#include "train/process_grid.h"
#include "train/run_config.h"
#include "train/schedule.h"
#include "train/trainer.h"

namespace slm {

// What counts in validation, where every sample has its full length.
NextTokenSpec objective_spec(const RunConfig& config, const SpecialTokens& special);

// In the order in which they need each other. Backend, grid and what `source` reads must outlive
// it.
struct Machine {
  using Accept = std::function<bool(const StepReport&)>;

  // `initial`: of the part of the model that `mine` is.
  Machine(const RunConfig& config, const ModelPart& mine, const SpecialTokens& special,
          Parameters initial, Backend& backend, const ProcessGrid& grid, SampleSource source,
          Accept accept = {});

  Parameters exact;  // the initial values before they were rounded, until the optimiser has them
  Parameters parameters;
  Decoder decoder;
  NextToken objective;
  DataParallel parallel;
  AdamW optimizer;
  Schedule schedule;
  std::optional<LossScaler> scaler;
  Trainer trainer;
};

}  // namespace slm
