// What a training run minimises. All training differs only in this.
#pragma once

#include "core/context.h"
#include "train/phase_clock.h"

namespace slm {

// The samples of one optimiser step: accumulate micro batches of micro_batch samples each, counted
// from `first` in the order in which the run consumes its data.
struct StepSamples {
  int64_t first = 0, micro_batch = 1, accumulate = 1;
  int64_t steps = 0;  // made before this one
  // Each micro batch is computed in so many equal parts. Parts are counted through: part p belongs
  // to micro batch p / pieces.
  int64_t pieces = 1;
  int64_t parts() const { return accumulate * pieces; }
  PhaseClock* clock = nullptr;  // told when data is being read
  int64_t count() const { return micro_batch * accumulate; }
};

class Objective {
 public:
  virtual ~Objective() = default;

  // The share of part `part` in the step's loss, [1] f32: summed over the step's parts, values are
  // the loss and gradients its gradient.
  virtual Tensor loss(Context& cx, const StepSamples& step, int64_t part) = 0;
};

}  // namespace slm
