// The state of an optimiser that is spread over the processes of a job, as checkpoints know it:
// whole, whatever the number of processes was or will be.
#pragma once

#include "model/model_part.h"
#include "train/optimizer_state.h"
#include "train/process_grid.h"

namespace slm {

// Every process must call it. On the first one: the whole state, as views where it has all of it,
// else gathered into `buffer` (which is reused). On the others: nothing.
OptimizerState whole_state(Comm& comm, const Parameters& parameters, const AdamW& optimizer,
                           OptimizerState& buffer);
// The same where processes hold parts of the model: the parameters of the whole one, in its order.
OptimizerState whole_state(const ProcessGrid& grid, const ModelPart& mine,
                           const Parameters& parameters, const AdamW& optimizer,
                           OptimizerState& buffer);

}  // namespace slm
