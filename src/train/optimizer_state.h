// What an optimiser knows, whole: what a checkpoint is written from, then on the host.
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

// Copies the numbers to the host, so that training may go on while they are written. `into` is
// reused when it has the size. `memory`: where `from` lies.
void copy_state(Allocator& memory, const OptimizerState& from, OptimizerState& into);

}  // namespace slm
