// What one checkpoint directory of a training run holds: the model in the Hugging Face layout, its
// tokenizer files, optimizer.safetensors (<parameter>.exp_avg, <parameter>.exp_avg_sq, and
// <parameter>.master unless the model's own f32 weights are the master copy), trainer_state.json,
// and config/ with the run configuration as given and as understood.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "model/load.h"
#include "model/model_part.h"
#include "train/optimizer_state.h"
#include "train/run_config.h"

namespace slm {

struct TrainerState {
  int64_t steps = 0, samples = 0, tokens = 0;  // made and consumed so far
  int64_t updates = 0;                         // of the optimiser
  Json schedule, data;                         // what must be the same after a resume
  Json skipped = Json::array();  // of rewinds: {"step", "from_sample", "to_sample"} left out
  Json faults = nullptr;         // FaultPolicy::state
  Json loss_scaler = nullptr;    // LossScaler::saved, of fp16
};

struct TrainingSnapshot {
  ModelConfig model;
  std::vector<ParameterSpec> parameters;  // in the order of `optimizer`
  OptimizerState optimizer;
  TrainerState state;
  std::vector<ConfigSource> config_files;
  std::string resolved_config;
  std::filesystem::path tokenizer;  // file or model directory; empty without
  DType dtype = DType::kF32;        // of the model's weights
  bool with_master = false;         // besides the model's weights
  bool with_optimizer = true;       // false: the model and how far it is, without moments
};

// Into an empty directory; every file is flushed to the disk.
void write_training_snapshot(const std::filesystem::path& directory, const TrainingSnapshot& what);

TrainerState read_trainer_state(const std::filesystem::path& directory);

bool has_optimizer(const std::filesystem::path& directory);
// Error unless every parameter has its two moments (and all or none a master copy), in f32, finite
// and in its shape.
void check_optimizer(const std::filesystem::path& directory,
                     const std::vector<ParameterSpec>& parameters);
// Reads a parameter's master copy; null: the model's own weights are it.
std::function<Tensor(const ParameterSpec&)> master_copy(const std::filesystem::path& directory);
// Master copy, moments and number of updates, of the part of the model that `parameters` are. Error
// unless every parameter has its two moments, in f32, finite and in its shape.
void read_optimizer(const std::filesystem::path& directory, const ModelPart& mine,
                    const Parameters& parameters, const TrainerState& state, AdamW& optimizer);

}  // namespace slm
