#include "train/loss_scaler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/refusal.h"

namespace slm {
namespace {

using testing::refusal;

// Each letter is a step: o overflows, . does not. The scale after each.
std::vector<double> scales(LossScaler& scaler, std::string_view steps) {
  std::vector<double> all;
  for (char c : steps) {
    scaler.update(c == 'o');
    all.push_back(scaler.scale());
  }
  return all;
}

TEST(LossScaler, HalvesOnceOverflowsAreNoLongerTolerated) {
  LossScaler scaler({.initial_power = 4, .window = 1000, .hysteresis = 3});
  EXPECT_EQ(scaler.scale(), 16);
  EXPECT_EQ(scales(scaler, "oo"), (std::vector<double>{16, 16}));
  // Two were tolerated; every further one halves, until a clean window.
  EXPECT_EQ(scales(scaler, "o..o"), (std::vector<double>{8, 8, 8, 4}));
}

TEST(LossScaler, DoublesAfterACleanWindowAndToleratesAgain) {
  LossScaler scaler({.initial_power = 4, .window = 3, .hysteresis = 2});
  // last_overflow begins at -1: step 2 is the third behind it.
  EXPECT_EQ(scales(scaler, "..."), (std::vector<double>{16, 16, 32}));
  EXPECT_EQ(scales(scaler, "oo"), (std::vector<double>{32, 16}));
  EXPECT_EQ(scales(scaler, "...."), (std::vector<double>{16, 16, 32, 32}));
  EXPECT_EQ(scales(scaler, "oo"), (std::vector<double>{32, 16}));
}

TEST(LossScaler, EndsAtTheLeastScaleAndAfterFiftyInARow) {
  LossScaler least({.initial_power = 1, .hysteresis = 1, .least = 0.75});
  EXPECT_EQ(scales(least, "oo"), (std::vector<double>{1, 0.75}));
  EXPECT_NE(refusal([&] { least.update(true); }).find("least loss scale 0.75"), std::string::npos);

  LossScaler patient({.hysteresis = 100, .least = 1e-10});
  for (int i = 0; i < 49; ++i) patient.update(true);
  EXPECT_NE(refusal([&] { patient.update(true); }).find("50 steps in a row"), std::string::npos);
}

TEST(LossScaler, AFixedScaleStays) {
  LossScaler scaler({.fixed = 128, .window = 1});
  EXPECT_EQ(scales(scaler, "o.o."), (std::vector<double>{128, 128, 128, 128}));
}

TEST(LossScaler, GoesOnWhereItWas) {
  LossScalerSpec spec{.initial_power = 10, .window = 3, .hysteresis = 2};
  LossScaler whole(spec), first(spec), second(spec);
  scales(whole, ".o.o");
  scales(first, ".o.o");
  second.resume(parse_json(first.saved().dump(), "state"), "state");
  EXPECT_EQ(second.state(), first.state());
  EXPECT_EQ(scales(whole, "....o"), scales(second, "....o"));
  Json broken = first.saved();
  broken["scale"] = -1;
  EXPECT_NE(refusal([&] { second.resume(broken, "s.json"); }).find("s.json"), std::string::npos);
}

TEST(LossScaler, RefusesWhatMakesNoSense) {
  auto refused = [](LossScalerSpec spec) { return refusal([&] { LossScaler scaler(spec); }); };
  EXPECT_NE(refused({.fixed = -1}).find("fp16.loss_scale"), std::string::npos);
  EXPECT_NE(refused({.fixed = NAN}).find("fp16.loss_scale"), std::string::npos);
  EXPECT_NE(refused({.initial_power = 40}).find("initial_scale_power"), std::string::npos);
  EXPECT_NE(refused({.window = 0}).find("window"), std::string::npos);
  EXPECT_NE(refused({.initial_power = 2, .least = 5}).find("min_loss_scale"), std::string::npos);
}

}  // namespace
}  // namespace slm
