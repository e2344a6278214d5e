// A checkpoint written as a GGUF file in a mix of block formats, one tensor in memory at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "model/quantization/mix.h"
#include "util/thread_pool.h"

namespace slm {

struct QuantizeOptions {
  const QuantizationMix& mix;
  ThreadPool& pool;
  std::string name = {};  // "general.name"
  // Of each parameter, in the order of Checkpoint::parameters(); empty, or an empty entry: all
  // columns of it count the same (core/quantize.h).
  std::vector<std::vector<float>> importance = {};
  WriteProgress progress = {};
};

struct QuantizedSizes {
  int64_t numbers = 0;                    // parameters of the model, each once
  int64_t stored_bytes = 0;               // of their values in the source
  int64_t file_bytes = 0;                 // of the file written
  std::map<DType, int64_t> tensors = {};  // how many are written in each format
};

// Errors as save_gguf's, and for weights that are not finite.
QuantizedSizes quantize_model(Checkpoint& source, const std::filesystem::path& target,
                              const QuantizeOptions& options);

}  // namespace slm
