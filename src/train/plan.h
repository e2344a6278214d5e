// What a run will take and do, before it starts.
#pragma once

#include <optional>
#include <string>

#include "model/load.h"
#include "train/flops.h"
#include "train/memory_plan.h"
#include "train/run_config.h"
#include "train/run_data.h"

namespace slm {

struct PlanInputs {
  const RunConfig& config;
  const ModelConfig& model;
  const RunData* data = nullptr;           // null: not there
  double peak_flops = 0;                   // measured products per second of one process; 0: unknown
  std::optional<double> seconds_per_step;  // measured on this machine, one process
};

// Several lines for a person: model, memory by kind, batch, tokens and epochs by source, milestones
// of the learning rate, checkpoints on the disk, time.
std::string describe_plan(const PlanInputs& inputs);

// The share of the peak that is assumed when no step was timed.
inline constexpr double kAssumedShare = 0.6;

}  // namespace slm
