// Which values dropout keeps: one definition for all backends.
#pragma once

#include <span>

#include "backend/arguments.h"

namespace slm {

// What row `row` of x is multiplied with: 0 or 1 / (1 - rate) for each of its values.
void dropout_factors(const DropoutArgs& a, int64_t row, std::span<float> factors);

}  // namespace slm
