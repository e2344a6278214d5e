#include "backend/dropout_factors.h"

#include "util/rng.h"

namespace slm {

// Four words come at a time; a row begins with a block of its own.
void dropout_factors(const DropoutArgs& a, int64_t row, std::span<float> factors) {
  Rng rng(a.seed, a.stream);
  uint64_t blocks = (factors.size() + 3) / 4, first = uint64_t(a.first_row + row) * blocks;
  double below = a.rate * 0x1p32;
  auto kept = float(1 / (1 - a.rate));
  for (uint64_t b = 0; b < blocks; ++b) {
    auto words = rng.block(first + b);
    for (size_t i = 0; i < 4 && 4 * b + i < factors.size(); ++i)
      factors[4 * b + i] = double(words[i]) < below ? 0.0f : kept;
  }
}

}  // namespace slm
