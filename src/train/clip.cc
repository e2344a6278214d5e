#include "train/clip.h"

#include <algorithm>
#include <cmath>

namespace slm {

double gradient_norm(Backend& backend, const Tensor& grads) {
  return std::sqrt(backend.sum_squares(grads));
}

float clip_factor(double norm, double max_norm) {
  return max_norm > 0 ? float(std::min(1.0, max_norm / (norm + 1e-6))) : 1.0f;
}

}  // namespace slm
