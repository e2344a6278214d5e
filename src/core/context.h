// Everything an op may use, in plain sight.
#pragma once

#include <functional>

#include "core/tape.h"

namespace slm {

class Backend;

// Zeroes a part of what blocks add to the residual stream, and of the attention probabilities, in
// training. Which values depends only on the seed, the layer and the row's place in the run:
// recomputing, resuming and splitting the batch in another way leave it the same.
struct Dropout {
  double rate = 0, attention = 0;  // 0: none
  uint64_t seed = 0;
  int64_t first_row = 0;  // of this batch, counted over the whole run
};

struct Context {
  Backend& backend;
  Tape* tape = nullptr;  // null: inference, nothing is saved
  // Keep only the input of every so many blocks for the backward pass, and compute the rest again
  // there; 0: keep everything.
  int64_t recompute = 0;

  // Told the weight and the input of every linear, before it runs: for statistics. Null: nobody
  // asks.
  const std::function<void(const Tensor& weight, const Tensor& input)>* on_linear = nullptr;

  // Told in the backward pass that the gradients of block `layer` and of all that comes after it
  // are complete (but for weights that are also used before it). Null: nobody asks.
  const std::function<void(int64_t layer)>* on_gradients = nullptr;

  // Rows of one sample when the batch is made of equal samples: gradients of parameters are then
  // summed sample by sample, so that they do not depend on how many samples are in a batch. 0: as
  // is fastest.
  int64_t sample_rows = 0;
  Dropout dropout = {};

  template <class... Inputs>
  bool recording(const Inputs&... inputs) const {
    return tape && (tape->wants(inputs) || ...);
  }
};

}  // namespace slm
