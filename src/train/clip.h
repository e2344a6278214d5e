// Gradient clipping by the global norm.
#pragma once

#include "backend/backend.h"

namespace slm {

// sqrt(sum of squares) over all gradients.
double gradient_norm(Backend& backend, const Tensor& grads);

// What gradients of this norm are multiplied with: min(1, max_norm / (norm + 1e-6)); 1 when
// max_norm is 0.
float clip_factor(double norm, double max_norm);

}  // namespace slm
