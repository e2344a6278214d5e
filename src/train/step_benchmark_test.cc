#include "train/step_benchmark.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/refusal.h"
#include "train/tiny_run_test.h"

namespace slm {
namespace {

StepBenchmarkOptions tiny_steps() {
  StepBenchmarkOptions options;
  options.config =
      read_run_config({{"tiny.yml", testing::kTinyConfig}},
                      {"vocab_size=128", "train_batch_size=4", "train_micro_batch_size_per_gpu=2",
                       "gradient_accumulation_steps=2"});
  options.steps = 3;
  options.backend_options.threads = 1;
  return options;
}

TEST(StepBenchmark, CountsWhatAStepConsistsOf) {
  StepBenchmarkOptions options = tiny_steps();
  std::vector<int64_t> told;
  options.progress = [&](int64_t done, int64_t) { told.push_back(done); };
  StepBenchmark r = benchmark_steps(options);
  EXPECT_EQ(told, (std::vector<int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(r.seconds.size(), 3u);
  EXPECT_EQ(r.cpu_seconds.size(), 3u);
  EXPECT_EQ(r.tokens_per_step, double(4 * options.config.shape.seq_length));
  EXPECT_GT(r.flops_per_token, r.causal_flops_per_token);
  EXPECT_GT(r.utilisation(), 0);
  EXPECT_GT(r.peak_bytes, 4 * 4 * r.parameters);  // values, gradients, two moments

  // Untrained, tokens are equally likely: the loss begins near log(vocabulary).
  EXPECT_NEAR(r.final_loss, std::log(128.0), 0.5);

  // Every product of the forward pass has two in the backward pass; recomputation is off.
  auto flops = [&](std::string_view name) {
    auto k = std::ranges::find(r.kernels, name, &KernelAccount::name);
    return k == r.kernels.end() ? 0.0 : k->flops;
  };
  EXPECT_GT(flops("product x w'"), 0);
  EXPECT_EQ(flops("product x w'"), flops("product dy w"));
  EXPECT_EQ(flops("product x w'"), flops("product dy' x"));

  double kernels = 0, steps = 0;
  for (const KernelAccount& k : r.kernels) kernels += k.seconds;
  for (double s : r.seconds) steps += s;
  EXPECT_LE(kernels, steps);
}

TEST(StepBenchmark, TableAndJsonSayTheSame) {
  StepBenchmark r{.device = "desk", .parameters = 1e6, .tokens_per_step = 100};
  r.seconds = {4, 1, 2};
  r.cpu_seconds = {8, 2, 4};
  r.flops_per_token = 3e9;
  r.causal_flops_per_token = 2.4e9;
  r.peak_flops = 300e9;
  r.peak_bandwidth = 10e9;
  r.kernels = {{.name = "add", .calls = 6, .seconds = 3, .cpu_seconds = 5, .bytes = 6e9}};
  EXPECT_EQ(r.median_seconds(), 2);
  EXPECT_EQ(r.tokens_per_second(), 50);
  EXPECT_DOUBLE_EQ(r.utilisation(), 0.5);
  std::string table = to_table(r);
  EXPECT_NE(table.find("MFU         50.0 % (40.0 % without masked attention)"), std::string::npos)
      << table;
  EXPECT_NE(table.find("50.0 tokens/s, 25.0 per second of a core"), std::string::npos) << table;
  Json json = to_json(r);
  EXPECT_EQ(json["mfu"], 0.5);
  EXPECT_EQ(json["kernels"][0]["calls_per_step"], 2);
  EXPECT_EQ(json["kernels"][0]["bytes_per_step"], 2e9);
}

TEST(StepBenchmark, NothingToTimeIsRefused) {
  StepBenchmarkOptions options = tiny_steps();
  options.steps = 0;
  EXPECT_NE(testing::refusal([&] { benchmark_steps(options); }).find("at least 1"),
            std::string::npos);
}

}  // namespace
}  // namespace slm
