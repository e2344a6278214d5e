// The learning rate as a function of the number of updates made so far.
#pragma once

#include "train/run_config.h"

namespace slm {

// With n updates made, D decay steps, W = warmup * D (not rounded), E = D - W, k = min(n - W, E):
//   warm-up, n <= W:  lr * max(1, n) / W
//   constant:         lr
//   linear:           lr * (E - k) / E
//   cosine:           min_lr + (lr - min_lr) / 2 * (cos(pi k / E) + 1)
//   exponential:      lr * exp(-0.693 k / E)
//   hybrid_cosine_inv_sqrt_2 (StableLM 2), N its total steps, s its switch fraction:
//       n <= s N:     min_lr + (lr - min_lr) / 2 * (cos(2 pi n / N) + 1)
//       later:        alpha / sqrt(n + beta), joined in value and slope at s N
// never below min_lr after warm-up; then, if asked for, a linear cool-down from the rate at its
// start.
class Schedule {
 public:
  Schedule(double peak, const RunConfig::Schedule& spec);  // refuses what makes no sense

  double rate(int64_t updates) const;

 private:
  enum class Style { kConstant, kLinear, kCosine, kExponential, kHybrid };
  double decayed(double n) const;
  double hybrid(double n) const;

  Style style_;
  double peak_, floor_, warmup_, decay_;  // rates, then steps
  double hybrid_total_, hybrid_join_;
  double cooldown_start_, cooldown_steps_, cooldown_rate_;
};

}  // namespace slm
