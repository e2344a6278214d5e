// A few rows against a stored weight, as in generation: bound by reading the weight once.
#pragma once

#include "backend/arguments.h"
#include "backend/cuda/context.h"

namespace slm::cuda {

// The product, if a has at most 4 rows and b is transposed; otherwise false, and nothing is done.
// A row's result does not depend on the other rows.
bool multiply_rows(CudaContext& cx, const GemmArgs& a);

}  // namespace slm::cuda
