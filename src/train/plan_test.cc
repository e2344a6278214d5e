#include "train/plan.h"

#include <gtest/gtest.h>

#include "backend/traced_backend.h"
#include "model/model_part.h"
#include "model/sizes.h"
#include "support/test_data.h"
#include "train/initialize.h"
#include "train/model_shape.h"
#include "train/next_token.h"
#include "train/pretraining.h"
#include "train/tiny_run_test.h"
#include "train/trainer.h"

namespace slm {
namespace {

// What tensors take at the most in a step that is really made, parameters and moments included.
int64_t measured_bytes(const RunConfig& config, const DecoderSpec& spec) {
  auto cpu = make_cpu_backend({.threads = 2});
  TracedBackend backend(*cpu);
  Parameters parameters = initial_parameters(spec, config.init, 1);
  parameters.make_trainable(backend, config.working_type());
  Decoder decoder(spec, parameters, config.working_type());
  NextToken objective(decoder,
                      [&](int64_t index, std::span<int32_t> out) {
                        for (size_t i = 0; i < out.size(); ++i)
                          out[i] = int32_t((size_t(index) + i) % 100);
                      },
                      {.seq_length = config.shape.seq_length});
  AdamW optimizer(backend, parameters, {});
  Schedule schedule(1e-3, config.schedule);
  Trainer trainer(backend, parameters, objective, optimizer, schedule,
                  {.micro_batch = config.batch.micro,
                   .accumulate = config.batch.accumulate,
                   .recompute = config.recompute ? config.recompute_layers : 0});
  trainer.step();
  return backend.most_bytes();
}

struct PlannedShape {
  const char* name;
  std::vector<std::string> overrides;
};

class PlannedMemory : public ::testing::TestWithParam<PlannedShape> {};

// The dry run asks for the same tensors in the same order, so the two agree to the byte but for
// what the kernels need.
TEST_P(PlannedMemory, IsWhatAStepTakes) {
  RunConfig config = testing::tiny_config(GetParam().overrides);
  std::vector<std::string> notes;
  DecoderSpec spec = model_for_training(config.shape, 512, {}, notes).spec;
  MemoryPlan plan = plan_memory(config, spec);
  double tensors = plan.total() - plan.program - plan.scratch - plan.staging;
  EXPECT_NEAR(double(measured_bytes(config, spec)) / tensors, 1, 1e-3);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PlannedMemory,
    ::testing::Values(
        PlannedShape{"tiny", {}}, PlannedShape{"bf16", {"precision=bfloat16", "hidden_size=64"}},
        PlannedShape{
            "recomputed",
            {"num_layers=6", "hidden_size=64", "seq_length=32", "checkpoint_activations=true"}},
        PlannedShape{
            "wide",
            {"num_layers=3", "hidden_size=128", "seq_length=128", "max_position_embeddings=128",
             "train_micro_batch_size_per_gpu=3", "gradient_accumulation_steps=2"}},
        PlannedShape{"parallel", {"hidden_size=64", "gpt_j_residual=true", "gpt_j_tied=true"}}),
    [](const auto& shape) { return std::string(shape.param.name); });

TEST(Plan, SharesOfTheOptimiser) {
  RunConfig config = testing::tiny_config();
  std::vector<std::string> notes;
  DecoderSpec spec = model_for_training(config.shape, 512, {}, notes).spec;
  MemoryPlan alone = plan_memory(config, spec);
  config.parallel.processes = 4;
  config.parallel.zero_stage = 1;
  MemoryPlan shared = plan_memory(config, spec);
  EXPECT_EQ(shared.moments * 4, alone.moments);
  EXPECT_EQ(shared.weights, alone.weights);
  EXPECT_EQ(shared.gradients, alone.gradients);
}

TEST(Plan, SharesOfTheModel) {
  auto plan_of = [](int64_t processes, std::vector<std::string> more = {}) {
    std::vector<std::string> overrides{"model_parallel_size=2", "zero_optimization.stage=1",
                                       "hidden_size=64"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return read_run_config({{"tiny.yml", testing::kTinyConfig}}, overrides, processes);
  };
  RunConfig one = plan_of(1), two = plan_of(2), four = plan_of(4);
  std::vector<std::string> notes;
  DecoderSpec spec = model_for_training(one.shape, 512, {}, notes).spec;
  auto part = double(parameter_count(ModelPart(spec, 0, 2).spec()));
  MemoryPlan alone = plan_memory(one, spec), shared = plan_memory(two, spec);
  EXPECT_EQ(shared.weights, 4 * part);
  EXPECT_EQ(shared.gradients, 4 * part);
  EXPECT_EQ(shared.moments, 8 * part);
  EXPECT_LT(part, 0.75 * double(parameter_count(spec)));
  EXPECT_LT(shared.computing(), alone.computing());
  EXPECT_EQ(plan_memory(four, spec).moments, 4 * part);
  EXPECT_EQ(shared.staging, alone.staging);  // the first process has the whole checkpoint
  std::string text = Pretraining::plan(four, testing::tiny_options());
  EXPECT_NE(text.find("2 processes compute every block together"), std::string::npos) << text;
  EXPECT_NE(text.find("2 groups of 2 processes x 2 x 2 sequences"), std::string::npos) << text;
}

// Every published configuration is planned without its data, tokenizer or machine.
TEST(Plan, OfTheNinePublishedConfigurations) {
  SLM_REQUIRE_EXTERNAL("data/configs");
  auto directory = testing::external_data("data/configs");
  int planned = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".yml") continue;
    RunConfig config = read_run_config({read_config_source(entry.path())},
                                       {"vocab_size=50277", "save=\"\"", "load=\"\""});
    std::string plan = Pretraining::plan(config, {.backend = "reference"});
    for (const char* head :
         {"model", "memory", "moments", "step", "run", "rate", "checkpoints", "operations"})
      EXPECT_NE(plan.find(head), std::string::npos) << entry.path() << "\n" << plan;
    ++planned;
  }
  EXPECT_EQ(planned, 9);
}

}  // namespace
}  // namespace slm
