// Where a run begins when it does not begin from nothing.
#pragma once

#include <functional>
#include <optional>

#include "train/checkpoint_store.h"
#include "train/training_state.h"

namespace slm {

using Say = std::function<void(std::string_view)>;

struct Restart {
  std::filesystem::path checkpoint;
  Parameters parameters;
  std::optional<TrainerState> state;  // absent: only the weights are taken over, the run is new
};

// Resuming: the newest good checkpoint in `save`. Else, or when there is none, what `load` asks
// for: a directory of checkpoints (`iteration` names one, `finetune` takes only its weights) or a
// model in the Hugging Face layout. A checkpoint that is broken is named through `say` and the one
// before it used. Error when `load` holds nothing usable or a model of another shape.
std::optional<Restart> find_restart(const RunConfig& config, const ModelConfig& wanted, bool resume,
                                    const Say& say);

// The keys that decide the learning rate, as kept with a checkpoint.
Json schedule_state(const RunConfig& config);
// Compares with what a checkpoint kept. They must be equal unless the configuration says whose
// schedule counts; taking the checkpoint's changes `config`.
void reconcile_schedule(RunConfig& config, const Json& kept);

}  // namespace slm
