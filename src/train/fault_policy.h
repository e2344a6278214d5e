// What a run does when a step goes wrong: a loss or gradient that is not finite, or one far above
// what it was lately.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "train/run_config.h"
#include "util/json.h"

namespace slm {

enum class FaultAction {
  kIgnore,  // the step counts like any other
  kSkip,    // no update; its data is consumed
  kRewind,  // back to the last checkpoint, and on with the data behind the fault
  kStop,    // the run ends with an error
};
// "ignore", "skip", "rewind", "stop"; an error suggests the nearest. `key` starts the message.
FaultAction fault_action(std::string_view name, std::string_view key);
std::string_view fault_action_name(FaultAction action);

struct FaultPolicySpec {
  FaultAction on_nonfinite = FaultAction::kStop;  // never kIgnore
  FaultAction on_spike = FaultAction::kIgnore;
  double spike_threshold = 6;  // standard deviations above the mean
  int64_t spike_window = 128;  // accepted steps that mean and deviation are taken over
  int64_t max_faults = 10;     // that a run may have; the next one stops it

  bool rewinds() const {
    return on_nonfinite == FaultAction::kRewind || on_spike == FaultAction::kRewind;
  }
};
FaultPolicySpec fault_policy_spec(const RunConfig::Faults& keys);

enum class FaultKind { kNone, kNotFinite, kLossSpike, kGradientSpike };
std::string_view fault_kind_name(FaultKind kind);  // "none", "not_finite", "loss_spike", …

struct FaultVerdict {
  FaultKind kind = FaultKind::kNone;
  FaultAction action = FaultAction::kIgnore;
  double z = 0;           // of a spike: how many standard deviations above the mean
  bool too_many = false;  // max_faults is what makes it stop
};

// The last values of one number. A z-score needs a full window; a window without any deviation
// knows no spikes.
class SpikeWindow {
 public:
  explicit SpikeWindow(int64_t size) : size_(size) {}

  double z_score(double value) const;  // 0 while the window is not full
  void add(double value);
  const std::deque<double>& values() const { return values_; }

 private:
  int64_t size_;
  std::deque<double> values_;  // oldest first
};

// Looks at each step before its update. Only steps that are accepted enter the windows, so that a
// spike does not hide the next one.
class FaultPolicy {
 public:
  explicit FaultPolicy(const FaultPolicySpec& spec);

  // The action is to stop also when this is one fault more than the run may have.
  FaultVerdict judge(double loss, double grad_norm);

  int64_t faults() const { return faults_; }  // so far, ignored ones apart

  // The windows and the count, for a checkpoint. A rewind takes back the windows, not the count.
  Json state() const;
  void restore(const Json& state, const std::string& origin);
  void rewind(const Json& state, const std::string& origin);

 private:
  FaultVerdict classify(double loss, double grad_norm) const;

  FaultPolicySpec spec_;
  SpikeWindow losses_, norms_;
  int64_t faults_ = 0;
};

}  // namespace slm
