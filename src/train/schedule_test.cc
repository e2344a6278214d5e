#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/refusal.h"

namespace slm {
namespace {

RunConfig::Schedule schedule(const char* style, int64_t steps, double warmup, double min_lr) {
  RunConfig::Schedule s;
  s.style = style;
  s.train_steps = s.decay_steps = steps;
  s.warmup = warmup;
  s.min_lr = min_lr;
  return s;
}

TEST(Schedule, PublishedValuesOf4E1T) {
  Schedule s(3.2e-4, schedule("cosine", 955'000, 0.005, 1.28e-5));
  struct {
    int64_t n;
    double lr;
  } const published[]{{0, 6.7015706806e-08},       {1, 6.7015706806e-08},
                      {100, 6.7015706806e-06},     {4775, 3.2e-4},
                      {10'000, 3.1997708236e-04},  {477'500, 1.6761242116e-04},
                      {900'000, 1.5332424097e-05}, {955'000, 1.28e-05}};
  for (auto [n, lr] : published) EXPECT_NEAR(s.rate(n) / lr, 1, 1e-9) << n;
}

TEST(Schedule, CosineStaysAtTheFloorPastItsEnd) {
  Schedule s(1e-3, schedule("cosine", 100, 0, 1e-4));
  EXPECT_DOUBLE_EQ(s.rate(100), 1e-4);
  EXPECT_DOUBLE_EQ(s.rate(150), 1e-4);
}

TEST(Schedule, WarmupIsNotRoundedAndIgnoresTheFloor) {
  Schedule s(1.0, schedule("constant", 25, 0.1, 0.9));  // W = 2.5
  EXPECT_DOUBLE_EQ(s.rate(0), 0.4);
  EXPECT_DOUBLE_EQ(s.rate(1), 0.4);
  EXPECT_DOUBLE_EQ(s.rate(2), 0.8);
  EXPECT_DOUBLE_EQ(s.rate(3), 1.0);
}

TEST(Schedule, LinearAndExponential) {
  Schedule linear(1.0, schedule("linear", 10, 0, 0.25));
  EXPECT_DOUBLE_EQ(linear.rate(0), 1.0);
  EXPECT_DOUBLE_EQ(linear.rate(4), 0.6);
  EXPECT_DOUBLE_EQ(linear.rate(9), 0.25);
  Schedule exponential(1.0, schedule("exponential", 10, 0, 0));
  EXPECT_DOUBLE_EQ(exponential.rate(10), std::exp(-0.693));
}

TEST(Schedule, HybridOfStableLm2) {
  constexpr double kPeak = 1e-3, kFloor = 1e-4;
  Schedule s(kPeak, schedule("hybrid_cosine_inv_sqrt_2", 540'000, 0.018, kFloor));
  EXPECT_DOUBLE_EQ(s.rate(9720), kPeak);  // end of warm-up
  EXPECT_NEAR(s.rate(420'000), 2.170e-4, 5e-8);
  double v = (kPeak + kFloor) / 2, b = v * 540'000 / (2 * M_PI * (kPeak - kFloor));
  EXPECT_NEAR(s.rate(135'000), v, 1e-12);
  EXPECT_NEAR(s.rate(300'000) / (v * std::sqrt(b) / std::sqrt(300'000 + b - 135'000)), 1, 1e-12);
  // value and slope continue across the join
  double before = s.rate(135'000) - s.rate(134'999), after = s.rate(135'001) - s.rate(135'000);
  EXPECT_NEAR(before / after, 1, 1e-4);
}

TEST(Schedule, HybridOfAnotherLengthGivesThePublishedRate) {
  auto spec = schedule("hybrid_cosine_inv_sqrt_2", 540'000, 0.018, 1e-4);
  spec.hybrid_steps = 685'438;
  EXPECT_NEAR(Schedule(1e-3, spec).rate(420'000), 2.529e-4, 5e-8);
}

TEST(Schedule, CooldownLeavesTheCurveAndEndsWhereAsked) {
  auto spec = schedule("constant", 100, 0, 0);
  spec.cooldown_start = 80;
  spec.cooldown_steps = 10;
  Schedule s(1.0, spec);
  EXPECT_DOUBLE_EQ(s.rate(80), 1.0);
  EXPECT_DOUBLE_EQ(s.rate(85), 0.5);
  EXPECT_DOUBLE_EQ(s.rate(90), 0.0);
  EXPECT_DOUBLE_EQ(s.rate(99), 0.0);
  auto fraction = schedule("constant", 100, 0, 0);
  fraction.cooldown = 0.2;
  EXPECT_DOUBLE_EQ(Schedule(1.0, fraction).rate(90), 0.5);
}

TEST(Schedule, RefusesNonsense) {
  auto refused = [](RunConfig::Schedule s) { return testing::refusal([&] { Schedule(1e-3, s); }); };
  EXPECT_NE(refused(schedule("cosin", 10, 0, 0)).find("lr_decay_style"), std::string::npos);
  EXPECT_NE(refused(schedule("cosine", 10, 1.5, 0)).find("warmup"), std::string::npos);
  EXPECT_NE(refused(schedule("cosine", 10, 0, 1)).find("min_lr"), std::string::npos);
  EXPECT_NE(refused(schedule("cosine", 0, 0, 0)).find("positive"), std::string::npos);
}

}  // namespace
}  // namespace slm
