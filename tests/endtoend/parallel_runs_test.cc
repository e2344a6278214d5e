// What must hold with several processes as with one: number formats, faults, and blocks in parts.
#include <nlohmann/json.hpp>
#include <vector>

#include "endtoend/many_processes.h"

namespace slm {
namespace {

class ParallelRuns : public testing::ManyProcesses {
 protected:
  // Of one kind, in order.
  std::vector<nlohmann::json> metrics(const std::string& save, const std::string& kind) {
    std::vector<nlohmann::json> lines;
    std::string text = testing::contents(directory.path() / save / "metrics.jsonl");
    for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      auto line = nlohmann::json::parse(text.substr(at, end - at));
      if (line["kind"] == kind) lines.push_back(line);
    }
    return lines;
  }
  std::string state(const std::string& checkpoint) {
    return weights(checkpoint) +
           testing::contents(directory.path() / checkpoint / "optimizer.safetensors");
  }
  void expect_one_and_two_agree(const std::string& more, int steps = 6) {
    sh(train("one", steps, more));
    sh("mpirun -n 2" + train("two", steps, more));
    std::string last = "/step_" + std::to_string(steps);
    ASSERT_FALSE(state("one" + last).empty());
    EXPECT_TRUE(state("one" + last) == state("two" + last));
  }
  // The relative error of one step, 7e-7 (tensor_parallel_test.cc), in each of six, on both sides.
  void expect_close_losses(const std::string& a, const std::string& b) {
    auto expected = metrics(a, "step"), found = metrics(b, "step");
    ASSERT_EQ(expected.size(), 6u);
    ASSERT_EQ(found.size(), 6u);
    for (size_t i = 0; i < 6; ++i) {
      double loss = expected[i]["loss"];
      EXPECT_NEAR(found[i]["loss"].get<double>(), loss, 1e-5 * loss) << b << " step " << i + 1;
    }
  }
};

const char* const kShards =
    " --set zero_optimization.stage=1 --set zero_optimization.overlap_comm=true";

TEST_F(ParallelRuns, BFloat16) {
  expect_one_and_two_agree(std::string("--set precision=bfloat16") + kShards);
}

TEST_F(ParallelRuns, Float16WithOverflows) {
  expect_one_and_two_agree(
      std::string(
          "--set precision=fp16 --set fp16.initial_scale_power=32 --set fp16.hysteresis=1") +
      kShards);
  EXPECT_FALSE(metrics("two", "note").empty()) << "no overflow";
}

// With so low a threshold many a step is a spike.
TEST_F(ParallelRuns, Rewind) {
  expect_one_and_two_agree(
      std::string("--set on_spike=rewind --set spike_threshold=0.3 --set spike_window=2"
                  " --set max_faults=1000 --set checkpoint_factor=2") +
          kShards,
      12);
  EXPECT_FALSE(metrics("two", "fault").empty()) << "no rewind";
}

// Two processes with a part of each block. One alone computes the same model whole.
TEST_F(ParallelRuns, BlocksInParts) {
  std::string parts = "--set model_parallel_size=2 --valid text --set eval_iters=1";
  sh(train("one", 6, parts));
  sh("mpirun -n 2" + train("two", 6, parts));
  sh("mpirun -n 4" + train("four", 6, parts + kShards));
  expect_close_losses("one", "two");
  EXPECT_TRUE(state("two/step_6") == state("four/step_6")) << "deterministic";
  ASSERT_EQ(metrics("two", "valid").size(), 1u);
  EXPECT_EQ(metrics("two", "valid")[0]["loss"], metrics("four", "valid")[0]["loss"]);

  std::string to_three = parts + " --set exit_interval=3";
  sh("mpirun -n 4" + train("stopped", 6, to_three + kShards));
  sh("mpirun -n 2" + train("stopped", 6, parts + " --resume"));
  EXPECT_TRUE(state("stopped/step_6") == state("two/step_6")) << "stopped with 4, resumed with 2";
  sh("mpirun -n 2" + train("less", 6, to_three));
  sh(train("less", 6, parts + " --resume"));
  expect_close_losses("one", "less");
  sh(train("more", 6, to_three));
  sh("mpirun -n 4" + train("more", 6, parts + kShards + " --resume"));
  expect_close_losses("one", "more");
}

TEST_F(ParallelRuns, PartsThatDoNotDivideAreRefused) {
  auto result = run("mpirun -n 3" + train("run", 6, "--set model_parallel_size=2"));
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_NE(result.err.find("model_parallel_size is 2, but there are 3 processes"),
            std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace slm
