// How many layers of a model a device has room for.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "model/checkpoint.h"

namespace slm {

// What lies in memory while a model runs, beside its weights.
struct RunSizes {
  int64_t texts = 1;    // whose keys and values are kept
  int64_t context = 0;  // tokens that there is room for in each; 0: the model's positions
  int64_t longest = std::numeric_limits<int64_t>::max();  // tokens of the longest, where known
  DType cache = DType::kF16;
  int64_t pass_tokens = 4096;  // in one forward pass: of a prompt on a GPU
  int64_t logit_rows = 64;     // tokens whose logits are there at a time
  int64_t other = 0;           // bytes
};

// Bytes on a device.
struct LayerBytes {
  std::vector<int64_t> blocks;  // weights, and the keys and values of `RunSizes`
  int64_t before = 0;           // embedding
  int64_t after = 0;            // final norm and output matrix
  int64_t work = 0;             // activations, and what a backend needs for itself
};
LayerBytes layer_bytes(const Checkpoint& checkpoint, std::optional<DType> dtype,
                       const RunSizes& sizes);

struct LayerFit {
  int64_t blocks = 0;  // the last so many, with what comes after
  bool whole = false;  // and the embedding too: the model needs no other memory
};
LayerFit layers_that_fit(const LayerBytes& bytes, int64_t free);

}  // namespace slm
