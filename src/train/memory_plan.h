// The memory a run will take, before it starts.
#pragma once

#include <map>
#include <string>

#include "model/spec.h"
#include "train/run_config.h"

namespace slm {

// In bytes, of the process that takes most: the one that writes checkpoints.
struct MemoryPlan {
  double weights = 0, master = 0, gradients = 0, moments = 0;
  // What a micro batch takes beside them, at the most, by what it is for.
  std::map<std::string, double> activations;
  double scratch = 0;  // of kernels
  double staging = 0;  // copies of which a checkpoint is written while training goes on
  double program = 0;  // code, libraries, threads, tokenizer

  double state() const { return weights + master + gradients + moments; }
  double computing() const;  // activations and scratch
  double total() const { return state() + computing() + staging + program; }
};

// Runs one micro batch forward and backward on a backend that only asks for memory
// (backend/dry_backend.h), so that the figures follow the code. `spec`: of the whole model, of
// which a process may have a part (model_parallel_size). With ZeRO-1, those that share the batch
// share master weights and moments.
MemoryPlan plan_memory(const RunConfig& config, const DecoderSpec& spec);

}  // namespace slm
