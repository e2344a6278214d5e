#include "generate/speed_benchmark.h"

#include <gtest/gtest.h>

#include "support/test_data.h"
#include "util/error.h"

namespace slm {
namespace {

TEST(SpeedBenchmark, MeasuresEveryCombination) {
  SpeedOptions options{.prompt = 5, .tokens = 4, .batches = {1, 3}, .depths = {0, 6}, .repeats = 2};
  int64_t told = 0, total = 0;
  options.progress = [&](int64_t done, int64_t all) { told = done, total = all; };
  Speed speed = benchmark_speed(testing::fixture("stablelm-3b-sharded"), options);
  EXPECT_EQ(told, 6);
  EXPECT_EQ(total, 6);
  ASSERT_EQ(speed.rows.size(), 6u);  // of each depth: a prompt, one text, three
  for (const SpeedRow& r : speed.rows) {
    EXPECT_EQ(r.rates.size(), 2u);
    EXPECT_GT(r.median_rate(), 0);
    EXPECT_GT(r.bytes_per_token, 0);
  }
  EXPECT_FALSE(speed.rows[0].decode);
  EXPECT_TRUE(speed.rows[5].decode);
  EXPECT_EQ(speed.rows[5].batch, 3);
  EXPECT_EQ(speed.rows[5].depth, 6);
  EXPECT_LT(speed.rows[2].bytes_per_token, speed.rows[1].bytes_per_token);  // weights are shared
  EXPECT_GT(speed.rows[4].bytes_per_token, speed.rows[1].bytes_per_token);  // more keys to read
  EXPECT_GE(speed.first_token_seconds, speed.load_seconds);
  EXPECT_GT(speed.peak_bandwidth, 0);
  for (const std::string& text : {to_table(speed), to_markdown(speed)}) {
    EXPECT_NE(text.find("write 3 x 4"), std::string::npos) << text;
    EXPECT_NE(text.find("read 5"), std::string::npos) << text;
  }
  EXPECT_EQ(to_json(speed)["rows"].size(), 6u);
}

TEST(SpeedBenchmark, CountsWhatATokenReads) {
  Speed speed = benchmark_speed(testing::fixture("stablelm-3b-sharded"),
                                {.prompt = 0, .tokens = 2, .repeats = 1});
  Model model = load_model(testing::fixture("stablelm-3b-sharded"));
  const DecoderSpec& spec = model.config.spec;
  double table = double(model.parameters.at("embed.weight").bytes());
  ASSERT_EQ(speed.rows.size(), 1u);
  EXPECT_EQ(speed.rows[0].bytes_per_token, double(model.parameters.bytes()) - table +
                                               double(KvCache::bytes_per_token(spec, DType::kF16)));
}

TEST(SpeedBenchmark, RefusesNonsense) {
  auto model = testing::fixture("stablelm-3b-sharded");
  EXPECT_THROW(benchmark_speed(model, {.repeats = 0}), Error);
  EXPECT_THROW(benchmark_speed(model, {.batches = {0}}), Error);
  EXPECT_THROW(benchmark_speed("/no/such/model", {}), Error);
}

}  // namespace
}  // namespace slm
