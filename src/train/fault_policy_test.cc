#include "train/fault_policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/refusal.h"

namespace slm {
namespace {

using testing::refusal;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

FaultPolicySpec spikes(FaultAction action) {
  return {.on_spike = action, .spike_threshold = 3, .spike_window = 4};
}

// Four steps whose losses are 1, 3, 1, 3 and norms 10, 20, 10, 20: mean 2 and 15, deviation 1 and
// 5.
void fill(FaultPolicy& policy) {
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(policy.judge(i % 2 ? 3 : 1, i % 2 ? 20 : 10).kind, FaultKind::kNone);
}

TEST(SpikeWindow, ScoresAgainstTheValuesBefore) {
  SpikeWindow window(4);
  for (double v : {100.0, 1.0, 3.0, 1.0}) {
    EXPECT_EQ(window.z_score(50), 0);  // not full yet
    window.add(v);
  }
  window.add(3);  // pushes 100 out
  EXPECT_NEAR(window.z_score(7), 5, 1e-12);
  EXPECT_NEAR(window.z_score(-1), -3, 1e-12);
  SpikeWindow flat(2);
  flat.add(1), flat.add(1);
  EXPECT_EQ(flat.z_score(9), 0);
}

TEST(FaultPolicy, NotFiniteIsAFaultWhateverTheWindow) {
  for (auto [loss, norm] : {std::pair{kNan, 1.0}, {1.0, kInfinity}, {-kInfinity, kNan}}) {
    FaultPolicy policy({.on_nonfinite = FaultAction::kSkip});
    FaultVerdict verdict = policy.judge(loss, norm);
    EXPECT_EQ(verdict.kind, FaultKind::kNotFinite);
    EXPECT_EQ(verdict.action, FaultAction::kSkip);
  }
  EXPECT_EQ(FaultPolicy({}).judge(kNan, 1).action, FaultAction::kStop);
}

TEST(FaultPolicy, SpikesOfLossAndOfGradient) {
  FaultPolicy policy(spikes(FaultAction::kRewind));
  fill(policy);
  FaultVerdict loss = policy.judge(6, 15), norm = policy.judge(2, 40);
  EXPECT_EQ(loss.kind, FaultKind::kLossSpike);
  EXPECT_EQ(loss.action, FaultAction::kRewind);
  EXPECT_NEAR(loss.z, 4, 1e-12);
  EXPECT_EQ(norm.kind, FaultKind::kGradientSpike);
  EXPECT_NEAR(norm.z, 5, 1e-12);
  EXPECT_EQ(policy.judge(4.9, 29).kind, FaultKind::kNone);  // below the threshold
  EXPECT_EQ(policy.judge(-50, 1).kind, FaultKind::kNone);   // far below is no fault
  EXPECT_EQ(policy.faults(), 2);
}

TEST(FaultPolicy, ASpikeDoesNotHideTheNext) {
  FaultPolicy policy(spikes(FaultAction::kSkip));
  fill(policy);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(policy.judge(6, 15).kind, FaultKind::kLossSpike);
}

TEST(FaultPolicy, IgnoredSpikesAreNoFaults) {
  FaultPolicy policy(spikes(FaultAction::kIgnore));
  fill(policy);
  EXPECT_EQ(policy.judge(1e9, 1e9).kind, FaultKind::kNone);
  EXPECT_EQ(policy.faults(), 0);
}

TEST(FaultPolicy, TooManyStop) {
  FaultPolicy policy({.on_nonfinite = FaultAction::kSkip, .max_faults = 2});
  EXPECT_EQ(policy.judge(kNan, 1).action, FaultAction::kSkip);
  EXPECT_EQ(policy.judge(kNan, 1).action, FaultAction::kSkip);
  EXPECT_EQ(policy.judge(kNan, 1).action, FaultAction::kStop);
}

TEST(FaultPolicy, StateComesBackExactly) {
  FaultPolicy policy(spikes(FaultAction::kSkip)), restored(spikes(FaultAction::kSkip));
  for (double v : {0.1, 1.0 / 3, 0.7, 1e-17, 0.5}) policy.judge(v, v * v);
  Json before = policy.state();
  policy.judge(1e3, 1);
  restored.restore(parse_json(policy.state().dump(), "state"), "state");
  EXPECT_EQ(restored.state(), policy.state());
  EXPECT_EQ(restored.faults(), 1);
  // A rewind goes back in the windows, while the count goes on.
  policy.judge(0.2, 0.2);
  policy.rewind(before, "state");
  EXPECT_EQ(policy.state()["losses"], before["losses"]);
  EXPECT_EQ(policy.faults(), 1);
  // Another window length takes what it has room for.
  FaultPolicy shorter({.spike_window = 2});
  shorter.restore(before, "state");
  EXPECT_EQ(shorter.state()["losses"], (Json{1e-17, 0.5}));
}

TEST(FaultPolicy, RefusesWhatMakesNoSense) {
  EXPECT_NE(
      refusal([] { FaultPolicy({.on_nonfinite = FaultAction::kIgnore}); }).find("on_nonfinite"),
      std::string::npos);
  EXPECT_NE(refusal([] { FaultPolicy({.spike_threshold = 0}); }).find("spike_threshold"),
            std::string::npos);
  EXPECT_NE(refusal([] { FaultPolicy({.spike_window = 1}); }).find("spike_window"),
            std::string::npos);
  EXPECT_NE(refusal([] { FaultPolicy({.max_faults = -1}); }).find("max_faults"), std::string::npos);
  EXPECT_EQ(fault_action("rewind", "on_spike"), FaultAction::kRewind);
  EXPECT_EQ(refusal([] { fault_action("rewnd", "on_spike"); }),
            "[config] on_spike must be ignore, skip, rewind or stop, found \"rewnd\"; did you mean "
            "\"rewind\"?");
  FaultPolicy policy({});
  EXPECT_NE(refusal([&] {
              policy.restore(
                  Json{{"count", 0}, {"losses", {1, "x"}}, {"grad_norms", Json::array()}},
                  "state.json");
            }).find("state.json: key \"losses\""),
            std::string::npos);
}

}  // namespace
}  // namespace slm
