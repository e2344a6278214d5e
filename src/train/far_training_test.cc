// Training on a device whose memory the host cannot touch, against the same kernels on the host:
// losses, weights, moments and checkpoints must be the same bits.
#include <gtest/gtest.h>

#include "comm/local.h"
#include "support/far_backend.h"
#include "support/scratch_dir.h"
#include "train/initialize.h"
#include "train/machine.h"
#include "train/optimizer_shards.h"
#include "train/tiny_run_test.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::final_state;
using testing::scratch_dir;
using testing::tiny_run;

using Overrides = std::vector<std::string>;
using Make = std::unique_ptr<Backend> (*)(int threads);

std::unique_ptr<Backend> near(int threads) {
  return make_cpu_backend({.threads = threads, .isa = {}, .exact = true});
}

void counting(int64_t index, std::span<int32_t> out) {
  for (size_t t = 0; t < out.size(); ++t) out[t] = int32_t((index * 5 + int64_t(t) * 3) % 30);
}

std::vector<float> numbers(const Tensor& t) {
  auto span = t.span<const float>();
  return {span.begin(), span.end()};
}

struct Outcome {
  std::vector<double> losses, norms;
  std::vector<float> master, m, v;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Three steps by `processes` threads that work as processes would, and an evaluation.
Outcome train(Make make, int processes, const Overrides& overrides) {
  RunConfig config = read_run_config({{"tiny.yml", testing::kTinyConfig}}, overrides, processes);
  Outcome out;
  run_local_ranks(processes, [&](Comm& comm) {
    auto backend = make(1);
    ProcessGrid grid(comm, config.parts());
    std::vector<std::string> notes;
    ModelConfig model = model_for_training(config.shape, 30, {}, notes);
    ModelPart mine(model.spec, grid.part(), grid.parts());
    Machine machine(config, mine, {}, initial_parameters(mine, config.init, 7), *backend, grid,
                    counting);
    for (int i = 0; i < 3; ++i) {
      StepReport report = machine.trainer.step();
      if (comm.first()) out.losses.push_back(report.loss), out.norms.push_back(report.grad_norm);
    }
    double loss =
        evaluate(*backend, machine.objective, {0, config.batch.micro, config.batch.micro_batches()},
                 1, &machine.parallel);
    OptimizerState buffer;
    OptimizerState state = whole_state(grid, mine, machine.parameters, machine.optimizer, buffer);
    if (!comm.first()) return;
    out.losses.push_back(loss);
    out.master = numbers(state.master);
    out.m = numbers(state.m);
    out.v = numbers(state.v);
  });
  return out;
}

struct Way {
  const char* name;
  int processes;
  Overrides overrides;
};

class FarTraining : public ::testing::TestWithParam<Way> {};

TEST_P(FarTraining, StepsAreTheSameBits) {
  const auto& [name, processes, overrides] = GetParam();
  EXPECT_EQ(train(testing::make_far_backend, processes, overrides),
            train(near, processes, overrides));
}

const Overrides kParts{"model_parallel_size=2", "train_batch_size=8",
                       "gradient_accumulation_steps=0"};
const Overrides kShards{"train_batch_size=8", "gradient_accumulation_steps=0"};

Overrides with(Overrides list, const Overrides& more) {
  list.insert(list.end(), more.begin(), more.end());
  return list;
}

INSTANTIATE_TEST_SUITE_P(
    Ways, FarTraining,
    ::testing::Values(
        Way{"Plain", 1, {"hidden_dropout=0.1", "attention_dropout=0.1"}},
        Way{"Bf16Recomputed", 1, {"precision=bfloat16", "checkpoint_activations=true"}},
        Way{"Fp16", 1, {"precision=fp16"}},
        Way{"Deterministic", 2, with(kShards, {"deterministic=true"})},
        Way{"Shards", 2, with(kShards, {"precision=bfloat16"})},
        Way{"Copies", 2, with(kShards, {"zero_optimization.stage=0"})},
        Way{"Parts", 4, with(kParts, {"precision=bfloat16"})}),
    [](const auto& test) { return test.param.name; });

// With a rewind on the way, and checkpoints that are written while training goes on.
TEST(FarPretraining, RunsSaveRewindAndResume) {
  fs::path directory = scratch_dir();
  auto run = [&](const char* name, Make make, const Overrides& overrides, bool resume = false) {
    fs::create_directories(directory / name);
    PretrainOptions options{.resume = resume};
    options.make_backend = [make](const BackendOptions&) { return make(1); };
    return Pretraining(tiny_run(directory / name, overrides), {}, options).run();
  };
  Overrides rewinding{"on_spike=rewind", "spike_threshold=4", "spike_window=4", "max_faults=20",
                      "precision=bfloat16"};
  EXPECT_TRUE(run("near", near, rewinding));
  EXPECT_FALSE(run("far", testing::make_far_backend, with(rewinding, {"exit_interval=11"})));
  EXPECT_TRUE(run("far", testing::make_far_backend, rewinding, true));
  EXPECT_FALSE(read_file(directory / "near" / "run" / "faults.jsonl").empty());
  EXPECT_EQ(final_state(directory / "far" / "run" / "step_24"),
            final_state(directory / "near" / "run" / "step_24"));
}

}  // namespace
}  // namespace slm
