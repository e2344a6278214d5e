// What a run will take, before it starts.
#pragma once

#include <optional>
#include <string>

#include "model/load.h"
#include "train/flops.h"
#include "train/run_config.h"
#include "train/run_data.h"

namespace slm {

struct MemoryPlan {
  double state = 0;        // weights, gradients and both moments, f32
  double activations = 0;  // what one micro batch keeps for its backward pass, at the most
  double total() const { return state + activations; }
};
MemoryPlan plan_memory(const RunConfig& config, const DecoderSpec& spec);

// Several lines for a person. `data` may be absent; `seconds_per_step` too.
std::string describe_plan(const RunConfig& config, const ModelConfig& model, const RunData* data,
                          std::optional<double> seconds_per_step);

}  // namespace slm
