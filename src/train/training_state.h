// What one checkpoint directory of a training run holds: the model in the Hugging Face layout, its
// tokenizer files, optimizer.safetensors (<parameter>.exp_avg, <parameter>.exp_avg_sq),
// trainer_state.json, and config/ with the run configuration as given and as understood. f32
// weights are their own master copy.
#pragma once

#include <filesystem>
#include <vector>

#include "model/load.h"
#include "train/adamw.h"
#include "train/run_config.h"

namespace slm {

struct TrainerState {
  int64_t steps = 0, samples = 0, tokens = 0;  // made and consumed so far
  int64_t updates = 0;                         // of the optimiser
  Json schedule, data;                         // what must be the same after a resume
};

struct TrainingSnapshot {
  const ModelConfig& model;
  const Parameters& parameters;
  const AdamW& optimizer;
  TrainerState state;
  const std::vector<ConfigSource>& config_files;
  std::string resolved_config;
  std::filesystem::path tokenizer;  // file or model directory; empty without
};

// Into an empty directory; every file is flushed to the disk.
void write_training_snapshot(const std::filesystem::path& directory, const TrainingSnapshot& what);

TrainerState read_trainer_state(const std::filesystem::path& directory);

// Moments and number of updates. Error unless every parameter has its two moments, in f32 and in
// its shape.
void read_optimizer(const std::filesystem::path& directory, const Parameters& parameters,
                    const TrainerState& state, AdamW& optimizer);

}  // namespace slm
