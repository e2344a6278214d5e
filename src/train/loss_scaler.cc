#include "train/loss_scaler.h"

#include <algorithm>
#include <cmath>

#include "util/error.h"

namespace slm {
namespace {

constexpr int64_t kMostSkipped = 50;

}  // namespace

LossScaler::LossScaler(const LossScalerSpec& spec) : spec_(spec) {
  check(spec.fixed >= 0 && std::isfinite(spec.fixed),
        "[config] fp16.loss_scale is {}, expected 0 (found by trying) or a positive scale",
        spec.fixed);
  check(spec.initial_power >= 0 && spec.initial_power <= 32,
        "[config] fp16.initial_scale_power is {}, expected 0..32", spec.initial_power);
  check(spec.window > 0 && spec.hysteresis > 0,
        "[config] fp16.loss_scale_window {} and fp16.hysteresis {} must be positive", spec.window,
        spec.hysteresis);
  check(spec.least > 0 && spec.least <= std::ldexp(1, int(spec.initial_power)),
        "[config] fp16.min_loss_scale {} must lie between 0 and the first scale 2^{}", spec.least,
        spec.initial_power);
  state_.scale = spec.fixed > 0 ? spec.fixed : std::ldexp(1, int(spec.initial_power));
  state_.tolerated = spec.hysteresis;
}

void LossScaler::update(bool overflow) {
  State& s = state_;
  s.skipped_in_a_row = overflow ? s.skipped_in_a_row + 1 : 0;
  check(s.skipped_in_a_row < kMostSkipped,
        "[fp16] the gradients overflowed in {} steps in a row, the loss scale is {}: the run has "
        "diverged; go back to an earlier checkpoint with a lower learning rate, or train in "
        "bfloat16",
        s.skipped_in_a_row, s.scale);
  if (spec_.fixed > 0) return;
  if (overflow) {
    lower();
  } else if ((s.steps - s.last_overflow) % spec_.window == 0) {
    s.tolerated = spec_.hysteresis;
    s.scale *= 2;
  }
  ++s.steps;
}

Json LossScaler::saved() const {
  const State& s = state_;
  return {{"scale", s.scale},
          {"steps", s.steps},
          {"last_overflow", s.last_overflow},
          {"tolerated", s.tolerated},
          {"skipped_in_a_row", s.skipped_in_a_row}};
}

void LossScaler::resume(const Json& saved, const std::string& origin) {
  JsonObject object(saved, format("{}: key \"loss_scaler\"", origin));
  constexpr int64_t kMost = int64_t{1} << 60;
  State state{.scale = object.number("scale"),
              .steps = object.integer("steps", 0, kMost),
              .last_overflow = object.integer("last_overflow", -1, kMost),
              .tolerated = object.integer("tolerated", 1, kMost),
              .skipped_in_a_row = object.integer("skipped_in_a_row", 0, kMost)};
  check_data(state.scale > 0 && std::isfinite(state.scale), "{}: a loss scale of {}", origin,
             state.scale);
  if (spec_.fixed > 0) state.scale = spec_.fixed;
  state_ = state;
}

void LossScaler::lower() {
  State& s = state_;
  if (s.tolerated == 1) {
    check(s.scale > spec_.least,
          "[fp16] the gradients overflow at the least loss scale {}: lower fp16.min_loss_scale or "
          "the learning rate, or train in bfloat16",
          spec_.least);
    s.scale = std::max(s.scale / 2, spec_.least);
  } else {
    --s.tolerated;
  }
  s.last_overflow = s.steps;
}

}  // namespace slm
