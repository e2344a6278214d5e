#include "train/curriculum.h"

#include <gtest/gtest.h>

#include "support/refusal.h"

namespace slm {
namespace {

using testing::refusal;

CurriculumSpec grown(const char* schedule, int64_t root = 2) {
  return {.enabled = true,
          .schedule = schedule,
          .least = 8,
          .most = 64,
          .total_steps = 10,
          .granularity = 8,
          .root = root};
}

std::vector<int64_t> lengths(const CurriculumSpec& spec, int64_t steps) {
  Curriculum curriculum(spec, 64);
  std::vector<int64_t> all;
  for (int64_t i = 0; i < steps; ++i) all.push_back(curriculum.length(i));
  return all;
}

// floor(s / 10 * 56 + 8) for s = 1..12, down to multiples of 8.
TEST(Curriculum, GrowsInAStraightLine) {
  EXPECT_EQ(lengths(grown("fixed_linear"), 12),
            (std::vector<int64_t>{8, 16, 24, 24, 32, 40, 40, 48, 56, 64, 64, 64}));
}

// floor(sqrt(s / 10) * 56 + 8): 25.7, 33.0, 38.6, 43.4, 47.5, 51.3, 54.8, 58.0, 61.1, 64
TEST(Curriculum, GrowsWithARoot) {
  EXPECT_EQ(lengths(grown("fixed_root"), 11),
            (std::vector<int64_t>{24, 32, 32, 40, 40, 48, 48, 56, 56, 64, 64}));
  EXPECT_EQ(lengths(grown("fixed_root", 1), 12), lengths(grown("fixed_linear"), 12));
}

TEST(Curriculum, StagesOfGivenLength) {
  CurriculumSpec spec{
      .enabled = true, .schedule = "fixed_discrete", .lengths = {8, 32, 64}, .last_steps = {2, 5}};
  EXPECT_EQ(lengths(spec, 7), (std::vector<int64_t>{8, 8, 32, 32, 32, 64, 64}));
}

TEST(Curriculum, WithoutOneEverySampleIsWhole) {
  CurriculumSpec off = grown("fixed_linear");
  off.enabled = false;
  EXPECT_EQ(lengths(off, 2), (std::vector<int64_t>{64, 64}));
  EXPECT_EQ(Curriculum(48).length(0), 48);
}

TEST(Curriculum, RefusesWhatMakesNoSense) {
  auto refused = [](auto change) {
    CurriculumSpec spec = grown("fixed_linear");
    change(spec);
    return refusal([&] { Curriculum(spec, 64); });
  };
  auto names = [](const std::string& text, std::string_view key) {
    return text.find(key) != std::string::npos;
  };
  EXPECT_TRUE(names(refused([](auto& s) { s.type = "vocabulary"; }), "curriculum_type"));
  EXPECT_TRUE(names(refused([](auto& s) { s.schedule = "linear"; }), "schedule_type"));
  EXPECT_TRUE(names(refused([](auto& s) { s.most = 65; }), "max_difficulty"));
  EXPECT_TRUE(names(refused([](auto& s) { s.least = 0; }), "min_difficulty"));
  EXPECT_TRUE(names(refused([](auto& s) { s.total_steps = 0; }), "total_curriculum_step"));
  EXPECT_TRUE(names(refused([](auto& s) { s.granularity = 9; }), "difficulty_step"));
  EXPECT_TRUE(names(refused([](auto& s) {
                      s.schedule = "fixed_discrete";
                      s.lengths = {8};
                      s.last_steps = {3};
                    }),
                    "max_step"));
}

}  // namespace
}  // namespace slm
