// The factor that keeps gradients within the range of f16: as large as it can be without overflow,
// found by trying (Micikevicius et al., "Mixed precision training", 2018; the state machine is
// DeepSpeed's).
#pragma once

#include <cstdint>
#include <string>

#include "util/json.h"

namespace slm {

struct LossScalerSpec {
  double fixed = 0;  // a positive number: this scale for ever; 0: found by trying
  int64_t initial_power = 16;
  int64_t window = 1000;   // steps without overflow before the scale is doubled
  int64_t hysteresis = 2;  // overflows before the scale is halved
  double least = 1;        // the scale is never halved below this
};

class LossScaler {
 public:
  struct State {
    double scale = 1;
    int64_t steps = 0, last_overflow = -1, tolerated = 1;
    int64_t skipped_in_a_row = 0;
    friend bool operator==(const State&, const State&) = default;
  };

  explicit LossScaler(const LossScalerSpec& spec);  // refuses what makes no sense

  // By which the loss of the next step is multiplied before its gradients are computed.
  double scale() const { return state_.scale; }

  // Takes note of a step. A step that overflowed must be skipped. Error when it overflowed at the
  // least scale, or is the fiftieth in a row.
  void update(bool overflow);

  const State& state() const { return state_; }
  Json saved() const;
  // From saved(); `origin` starts every message. A fixed scale stays as it is.
  void resume(const Json& saved, const std::string& origin);

 private:
  void lower();

  LossScalerSpec spec_;
  State state_;
};

}  // namespace slm
