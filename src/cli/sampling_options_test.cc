#include "cli/sampling_options.h"

#include <gtest/gtest.h>

#include "support/refusal.h"

namespace slm {
namespace {

SamplingFlags after(const char* command_line, const Json& generation_config) {
  SamplingFlags flags;
  CLI::App app;
  flags.add_to(app);
  app.parse(command_line);
  flags.take_recommended(generation_config);
  return flags;
}

TEST(SamplingFlags, TheModelRecommendsWhatWasNotGiven) {
  const Json config{{"temperature", 0.3}, {"top_k", 40}, {"top_p", nullptr}, {"eos_token_id", 0}};
  SamplingOptions none = after("", config).sampling;
  EXPECT_EQ(none.temperature, 0.3);
  EXPECT_EQ(none.top_k, 40);
  EXPECT_EQ(none.top_p, 0.9);
  SamplingOptions given = after("--temperature 0.7 --top-k 0", config).sampling;
  EXPECT_EQ(given.temperature, 0.7);
  EXPECT_EQ(given.top_k, 0);
  EXPECT_EQ(after("", nullptr).sampling.temperature, 0.7);
}

TEST(SamplingFlags, NoSamplingIsATemperatureOfZero) {
  const Json config{{"do_sample", false}, {"temperature", 0.9}};
  EXPECT_EQ(after("", config).sampling.temperature, 0);
  EXPECT_EQ(after("--temperature 0.5", config).sampling.temperature, 0.5);
}

TEST(SamplingFlags, ARecommendationOfTheWrongTypeIsNamed) {
  EXPECT_EQ(testing::refusal([] {
              after("", Json{{"top_k", "many"}});
            }),
            "generation_config.json: key \"top_k\" must be an integer, found \"many\"");
}

}  // namespace
}  // namespace slm
