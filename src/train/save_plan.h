// At which steps a run saves.
#pragma once

#include <cstdint>

#include "train/run_config.h"

namespace slm {

// After `step` steps of `last`: every checkpoint_factor, or at its powers, at extra_save_iters, and
// at the end. Step 0, before the first update, only when extra_save_iters says so.
bool save_is_due(const RunConfig::Saving& saving, int64_t step, int64_t last);

// Whether exit_interval ends the run here.
bool exit_is_due(const RunConfig::Saving& saving, int64_t step);

}  // namespace slm
