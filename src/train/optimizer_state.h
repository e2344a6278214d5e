// What an optimiser knows, whole and on the host: what a checkpoint is written from.
#pragma once

#include "train/adamw.h"

namespace slm {

// Flat, in the order of the parameters, [count] f32 each.
struct OptimizerState {
  Tensor master;  // the weights in full precision
  Tensor m, v;    // first and second moments
  int64_t updates = 0;
};

// The live numbers of an optimiser that holds all of the parameters: views, good until its next
// step.
OptimizerState view_of(const Parameters& parameters, const AdamW& optimizer);

// Copies the numbers, so that training may go on while they are written. `into` is reused when it
// has the size.
void copy_state(const OptimizerState& from, OptimizerState& into);

}  // namespace slm
