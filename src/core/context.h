// Everything an op may use, in plain sight.
#pragma once

#include <functional>

#include "core/tape.h"

namespace slm {

class Backend;

struct Context {
  Backend& backend;
  Tape* tape = nullptr;  // null: inference, nothing is saved
  bool recompute =
      false;  // keep only block inputs for the backward pass, and compute the rest again there

  // Told the weight and the input of every linear, before it runs: for statistics. Null: nobody
  // asks.
  const std::function<void(const Tensor& weight, const Tensor& input)>* on_linear = nullptr;

  // Told in the backward pass that the gradients of block `layer` and of all that comes after it
  // are complete (but for weights that are also used before it). Null: nobody asks.
  const std::function<void(int64_t layer)>* on_gradients = nullptr;

  template <class... Inputs>
  bool recording(const Inputs&... inputs) const {
    return tape && (tape->wants(inputs) || ...);
  }
};

}  // namespace slm
