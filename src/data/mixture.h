// Which source each sample of a blend comes from: always the one that is furthest behind its share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace slm {

// Weights scaled to sum 1. Error unless there is at least one, each finite and not negative, and
// their sum is positive.
std::vector<double> normalized_weights(std::span<const double> weights);

// Position p takes from the lowest i that maximises weight_i * max(p, 1) - used_i. Two bytes per
// position are kept, and the counts of every 4096th, so that a look-up costs about as much as
// reading a sample.
class Mixture {
 public:
  Mixture() = default;
  Mixture(std::span<const double> normalized, int64_t size);

  struct Pick {
    int source;
    int64_t index;  // how many earlier positions took from this source
  };
  int64_t size() const { return int64_t(choices_.size()); }
  Pick at(int64_t position) const;
  std::vector<int64_t> used(int64_t positions) const;  // per source, by the first `positions`

 private:
  size_t sources_ = 0;
  std::vector<uint16_t> choices_;
  std::vector<int64_t> counts_;  // [ceil(size / 4096), sources]
};

}  // namespace slm
