// A model that has learnt nothing, written tensor by tensor: to measure a shape nobody needs to
// download, or to begin a training run elsewhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "model/load.h"
#include "train/run_config.h"
#include "util/thread_pool.h"

namespace slm {

struct NewModel {
  ModelConfig config;
  RunConfig::Init init = {};
  uint64_t seed = 1;
  std::filesystem::path tokenizer = {};  // whose files go with it; empty: none
};

// What a config.json says of it: "initializer_range", else 0.02.
RunConfig::Init init_of(const ModelConfig& config);

// `target` becomes a .gguf file when its name ends so, in f32, bf16, f16 or a mix of block formats
// (quantization/mix.h); else a model directory, in f32, bf16 or f16. Of the weights, one tensor is
// in memory at a time, in the type it is written in. Errors as save_model's and save_gguf's; for a
// `type` that the target cannot have; for a tokenizer with more tokens than the model.
void write_new_model(const std::filesystem::path& target, const NewModel& model,
                     const std::string& type, ThreadPool& pool, const WriteProgress& progress);

}  // namespace slm
