#include "backend/dropout_factors.h"

#include <cmath>

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

void attention_dropout_factors(const AttentionDropout& d, int64_t row, int64_t head,
                               int64_t first_key, std::span<double> factors) {
  Rng rng(d.seed, d.stream + uint64_t(head));
  uint64_t of_row = uint64_t(d.first_row + row) << kAttentionKeyBits;
  uint32_t last = last_dropped(d.rate);
  for (size_t i = 0; i < factors.size(); ++i) {
    uint64_t key = uint64_t(first_key) + i;
    factors[i] = rng.block(of_row | key / 4)[key % 4] <= last ? 0 : 1 / (1 - d.rate);
  }
}

uint32_t last_dropped(double rate) { return uint32_t(std::ceil(rate * 0x1p32) - 1); }

}  // namespace slm
