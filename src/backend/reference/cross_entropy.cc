#include <algorithm>
#include <cmath>

#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

// d loss / d logit = (1 + 2 z lse) softmax - [is the target]
void ReferenceBackend::cross_entropy(const CrossEntropyArgs& args) {
  auto targets = args.targets.span<const int32_t>();
  size_t R = targets.size(), V = size_t(args.logits.dim(1));
  Numbers logits = read(args.logits), losses(R), gradient(R * V);
  for (size_t r = 0; r < R; ++r) {
    if (targets[r] < 0) continue;
    const double* row = &logits[r * V];
    size_t target = size_t(targets[r]);
    double highest = *std::max_element(row, row + V), denominator = 0;
    for (size_t i = 0; i < V; ++i) denominator += std::exp(row[i] - highest);
    double lse = highest + std::log(denominator);
    losses[r] = lse - row[target] + args.z_loss * lse * lse;
    for (size_t i = 0; i < V; ++i) {
      double softmax = std::exp(row[i] - lse);
      gradient[r * V + i] =
          args.gradient_scale * ((1 + 2 * args.z_loss * lse) * softmax - (i == target));
    }
  }
  write(args.losses, losses);
  if (args.gradient) write(args.logits, gradient);
}

}  // namespace slm
