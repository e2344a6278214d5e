#include "train/save_plan.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

std::vector<int64_t> saves(const RunConfig::Saving& saving, int64_t last) {
  std::vector<int64_t> steps;
  for (int64_t s = 0; s <= last; ++s)
    if (save_is_due(saving, s, last)) steps.push_back(s);
  return steps;
}
using Steps = std::vector<int64_t>;

TEST(SavePlan, EveryFactorOrAtItsPowers) {
  EXPECT_EQ(saves({}, 10), (Steps{10}));
  EXPECT_EQ(saves({.every = 4}, 10), (Steps{4, 8, 10}));
  EXPECT_EQ(saves({.every = 3, .scale = "log"}, 30), (Steps{1, 3, 9, 27, 30}));
  EXPECT_EQ(saves({.every = 2, .scale = "log"}, 16), (Steps{1, 2, 4, 8, 16}));
  EXPECT_EQ(saves({.every = 5, .extra_steps = {0, 3, 5}}, 10), (Steps{0, 3, 5, 10}));
}

TEST(SavePlan, Exit) {
  EXPECT_FALSE(exit_is_due({}, 7));
  EXPECT_TRUE(exit_is_due({.exit_every = 7}, 14));
  EXPECT_FALSE(exit_is_due({.exit_every = 7}, 15));
}

}  // namespace
}  // namespace slm
