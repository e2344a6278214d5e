// What follows from the keys of a run configuration, and which combinations are refused.
#pragma once

#include "train/run_config.h"

namespace slm {

// Fills in what can be left out (batch sizes, precision, weights of sources) and checks everything
// else that can be checked without opening a file.
void derive(RunConfig& config);

}  // namespace slm
