// Weights that training can start from.
#pragma once

#include "format/tensor_files.h"

namespace slm {

// Error, naming the tensor and the element, when a floating number among them is not finite.
// `origin` (the model's path) starts the message.
void check_finite(const TensorFiles& weights, const std::string& origin);

}  // namespace slm
