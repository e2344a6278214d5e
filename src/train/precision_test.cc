// Training in bf16 and f16, and what must not change its bits: recomputation, how the batch is
// split, dropout's place, a resume.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/tiny_spec.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "train/initialize.h"
#include "train/next_token.h"
#include "train/tiny_run_test.h"
#include "train/trainer.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::final_state;
using testing::refusal;
using testing::scratch_dir;
using testing::tiny_options;
using testing::tiny_run;

Schedule constant(double lr) {
  RunConfig::Schedule s;
  s.style = "constant";
  s.warmup = 0;
  s.train_steps = s.decay_steps = 1000;
  return Schedule(lr, s);
}

void counting(int64_t index, std::span<int32_t> out) {
  for (size_t t = 0; t < out.size(); ++t) out[t] = int32_t((index * 5 + int64_t(t) * 3) % 40);
}

// A small model under training in some type.
struct SmallRun {
  SmallRun(DType type, TrainerOptions options, int64_t length = 12, const char* name = "cpu",
           DecoderSpec spec = testing::tiny_spec(40, 24))
      : backend(make_backend(name)), exact(initial_parameters(spec, {.std = 0.2}, 5)) {
    parameters = exact;
    parameters.make_trainable(*backend, type);
    decoder.emplace(spec, parameters);
    objective.emplace(*decoder, counting, NextTokenSpec{.seq_length = length});
    optimizer.emplace(*backend, parameters, AdamWSpec{});
    optimizer->start_from(exact);
    trainer.emplace(*backend, parameters, *objective, *optimizer, schedule, options);
  }

  std::vector<float> master() const {
    auto numbers = optimizer->master().span<const float>();
    return {numbers.begin(), numbers.end()};
  }

  std::unique_ptr<Backend> backend;
  Parameters exact, parameters;
  std::optional<Decoder> decoder;
  std::optional<NextToken> objective;
  std::optional<AdamW> optimizer;
  Schedule schedule = constant(5e-3);
  std::optional<Trainer> trainer;
};

std::vector<double> losses(SmallRun& run, int steps) {
  std::vector<double> all;
  for (int i = 0; i < steps; ++i) all.push_back(run.trainer->step().loss);
  return all;
}

// How large logits are at the end of a run.
double largest_logit(SmallRun& run) {
  std::vector<int32_t> sample(13);
  counting(0, sample);
  NextTokenBatch batch = pack_samples(sample, {.seq_length = 12});
  Context cx{*run.backend};
  Tensor logits = run.decoder->logits(cx, run.decoder->hidden(cx, batch.tokens));
  double most = 0;
  for (float z : to_dtype(logits, DType::kF32).span<const float>())
    most = std::max(most, std::abs(double(z)));
  return most;
}

// The bound, to first order. Between the table and the loss a state is rounded R = 12 L + 3 times
// (table; per block norm, q, rotation, scores' sum, out, add, norm, gate, up, their product, down,
// add; final norm; head's weights), each time by at most u of its size, in directions that have
// nothing to do with each other: a relative error of sqrt(R) u. Norms keep it from growing. A loss
// changes by at most the spread of the changes of its logits, 2 sqrt(R) u max|z|. Gradients carry
// the same relative error once more on the way back, so that of what the updates take from the loss
// the share sqrt(2 R) u may be missing or too much.
TEST(Precision, LossesTrackF32) {
  constexpr int kSteps = 40;
  TrainerOptions options{.micro_batch = 2, .accumulate = 2};
  SmallRun full(DType::kF32, options);
  std::vector<double> expected = losses(full, kSteps);
  double largest = largest_logit(full), roundings = 12 * 2 + 3;
  for (DType type : {DType::kBF16, DType::kF16}) {
    LossScaler scaler({.initial_power = 8, .window = 10});
    TrainerOptions scaled = options;
    if (type == DType::kF16) scaled.loss_scaler = &scaler;
    SmallRun run(type, scaled);
    ASSERT_TRUE(run.optimizer->mixed());
    double u = epsilon(type) / 2;
    std::vector<double> found = losses(run, kSteps);
    for (size_t i = 0; i < expected.size(); ++i) {
      double learned = std::abs(expected[0] - expected[i]);
      double bound = std::sqrt(roundings) * u * (2 * largest + std::sqrt(2) * learned);
      ASSERT_NEAR(found[i], expected[i], bound) << traits(type).name << " step " << i + 1;
    }
    EXPECT_LT(found.back(), expected[0] - 1);
  }
}

TEST(Precision, WorkingValuesAreRoundedMasters) {
  SmallRun run(DType::kBF16, {.micro_batch = 2});
  std::vector<float> before = run.master();
  for (int i = 0; i < 3; ++i) run.trainer->step();
  std::vector<float> after = run.master();
  const uint16_t* working = run.parameters.values().data<uint16_t>();
  for (size_t i = 0; i < after.size(); ++i) ASSERT_EQ(working[i], f32_to_bf16(after[i])) << i;
  // A master value moves by less than its bf16 neighbour is away, and is not lost.
  int between = 0;
  for (size_t i = 0; i < after.size(); ++i)
    between += before[i] != after[i] && bf16_to_f32(f32_to_bf16(after[i])) != after[i];
  EXPECT_GT(between, int(after.size()) / 2);
}

TEST(Precision, InF32TheWeightsAreTheMasters) {
  SmallRun run(DType::kF32, {});
  EXPECT_FALSE(run.optimizer->mixed());
  EXPECT_EQ(run.optimizer->master().storage(), run.parameters.values().storage());
}

// The scale only shifts exponents: as long as nothing overflows or underflows, f32 gradients times
// a power of two and back are the same numbers.
TEST(Precision, ALossScaleChangesNothingInF32) {
  LossScaler scaler({.initial_power = 10});
  SmallRun plain(DType::kF32, {.micro_batch = 2}),
      scaled(DType::kF32, {.micro_batch = 2, .loss_scaler = &scaler});
  for (int i = 0; i < 3; ++i) {
    StepReport a = plain.trainer->step(), b = scaled.trainer->step();
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_EQ(a.grad_norm, b.grad_norm);
  }
  EXPECT_EQ(plain.master(), scaled.master());
}

TEST(Precision, AnOverflowSkipsTheUpdateButConsumesTheData) {
  LossScaler scaler({.initial_power = 30, .hysteresis = 1});
  SmallRun run(DType::kF16, {.micro_batch = 2, .loss_scaler = &scaler});
  std::vector<float> before = run.master();
  StepReport report = run.trainer->step();
  EXPECT_TRUE(report.overflow && report.skipped);
  EXPECT_EQ(report.loss_scale, 0x1p30);
  EXPECT_TRUE(std::isfinite(report.loss));
  EXPECT_EQ(run.master(), before);
  EXPECT_EQ(run.optimizer->updates(), 0);
  EXPECT_EQ(run.trainer->steps(), 1);
  EXPECT_EQ(run.trainer->samples(), 2);
  while (report.overflow) report = run.trainer->step();
  EXPECT_EQ(run.optimizer->updates(), 1);
  EXPECT_EQ(report.loss_scale, scaler.scale());
}

TEST(Trainer, SkipsWhatIsNotAccepted) {
  int asked = 0;
  TrainerOptions options{.accept = [&](const StepReport& r) { return ++asked, r.step != 2; }};
  SmallRun run(DType::kF32, options), other(DType::kF32, {});
  run.trainer->step();
  std::vector<float> before = run.master();
  EXPECT_TRUE(run.trainer->step().skipped);
  EXPECT_EQ(run.master(), before);
  EXPECT_FALSE(run.trainer->step().skipped);
  EXPECT_EQ(asked, 3);
  // The third step is the second update, of the third sample.
  other.trainer->step();
  other.trainer->resume(2, 2);
  other.trainer->step();
  EXPECT_EQ(run.master(), other.master());
}

// Parameters' gradients are summed sample by sample, in order, from 64 rows on.
TEST(Trainer, AccumulationEqualsTheLargeBatchBitByBit) {
  for (int64_t length : {64, 128, 320}) {
    DecoderSpec spec = testing::tiny_spec(40, 24);
    spec.max_positions = length;
    SmallRun large(DType::kF32, {.micro_batch = 4, .accumulate = 1}, length, "cpu", spec),
        split(DType::kF32, {.micro_batch = 1, .accumulate = 4}, length, "cpu", spec);
    for (int i = 0; i < 2; ++i) {
      StepReport a = large.trainer->step(), b = split.trainer->step();
      EXPECT_EQ(a.grad_norm, b.grad_norm) << length;
    }
    EXPECT_EQ(large.master(), split.master()) << length;
  }
}

TEST(Trainer, ChunksOfBlocksAreRecomputedBitByBit) {
  DecoderSpec spec = testing::tiny_spec(40, 24);
  spec.layers = 5;
  auto trained = [&](int64_t recompute, DType type) {
    SmallRun run(type,
                 {.micro_batch = 2,
                  .recompute = recompute,
                  .dropout = {.rate = 0.2, .attention = 0.1, .seed = 3}},
                 12, "cpu", spec);
    for (int i = 0; i < 2; ++i) run.trainer->step();
    return run.master();
  };
  for (DType type : {DType::kF32, DType::kBF16})
    for (int64_t chunk : {1, 2, 5, 9}) EXPECT_EQ(trained(chunk, type), trained(0, type)) << chunk;
}

TEST(Trainer, DropoutFollowsTheSample) {
  auto trained = [](int64_t micro, double rate, double attention) {
    SmallRun run(DType::kF32,
                 {.micro_batch = micro,
                  .accumulate = 4 / micro,
                  .dropout = {.rate = rate, .attention = attention, .seed = 3}},
                 64);
    run.trainer->step();
    return run.master();
  };
  for (auto [rate, attention] : {std::pair{0.3, 0.0}, {0.0, 0.3}, {0.2, 0.1}}) {
    EXPECT_EQ(trained(4, rate, attention), trained(1, rate, attention));
    EXPECT_NE(trained(4, rate, attention), trained(4, 0, 0));
  }
}

struct Stopped {
  const char* name;
  std::vector<std::string> overrides;
};
class ResumeIn : public ::testing::TestWithParam<Stopped> {};

// Stopped at step 9 and continued, against a run that was not disturbed.
TEST_P(ResumeIn, IsBitExact) {
  fs::path directory = scratch_dir();
  auto run = [&](const char* name, std::vector<std::string> more, bool resume) {
    fs::create_directories(directory / name);
    std::vector<std::string> all = GetParam().overrides;
    all.insert(all.end(), more.begin(), more.end());
    Pretraining(tiny_run(directory / name, all), {}, tiny_options(resume)).run();
    return directory / name / "run";
  };
  run("b", {"exit_interval=9"}, false);
  ASSERT_TRUE(fs::exists(directory / "b" / "run" / "step_9"));
  EXPECT_EQ(final_state(run("a", {}, false) / "step_24"),
            final_state(run("b", {}, true) / "step_24"));
}

// 2^24 is too large a scale for the tiny model: the first steps overflow.
INSTANTIATE_TEST_SUITE_P(
    Types, ResumeIn,
    ::testing::Values(Stopped{"bf16", {"precision=bfloat16"}},
                      Stopped{"bf16_kept_in_f32", {"precision=bfloat16", "checkpoint_dtype=f32"}},
                      Stopped{"fp16_after_overflows",
                              {"fp16.enabled=true", "fp16.initial_scale_power=24",
                               "fp16.hysteresis=1", "fp16.loss_scale_window=4"}},
                      Stopped{"dropout_recomputed",
                              {"hidden_dropout=0.1", "attention_dropout=0.1",
                               "checkpoint_activations=true", "checkpoint_num_layers=2"}},
                      Stopped{"short_samples_first",
                              {"curriculum_learning.enabled=true",
                               "curriculum_learning.min_difficulty=4",
                               "curriculum_learning.schedule_config.total_curriculum_step=15",
                               "curriculum_learning.schedule_config.difficulty_step=4"}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Precision, OverflowsAreInTheLogAndTheStateInTheCheckpoint) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(directory, {"fp16.enabled=true", "fp16.initial_scale_power=24",
                                   "fp16.hysteresis=1", "train_iters=12"}),
              {}, tiny_options())
      .run();
  int overflows = 0;
  for (const Json& note : testing::metrics(directory / "run", "note"))
    overflows += note["what"].get<std::string>().find("overflowed") != std::string::npos;
  EXPECT_GT(overflows, 0);
  Json state = read_json_file(directory / "run" / "step_12" / "trainer_state.json");
  EXPECT_EQ(state["loss_scaler"]["steps"], 12);
  EXPECT_EQ(state["loss_scaler"]["scale"], std::ldexp(1, 24 - overflows));
  EXPECT_EQ(state["optimizer_updates"], 12 - overflows);
}

TEST(Precision, ShortSamplesCountAsWhatIsLeftOfThem) {
  fs::path directory = scratch_dir();
  Pretraining(
      tiny_run(directory, {"curriculum_learning.enabled=true",
                           "curriculum_learning.schedule_type=fixed_discrete",
                           "curriculum_learning.schedule_config.difficulty=[4, 16]",
                           "curriculum_learning.schedule_config.max_step=[5]", "train_iters=7"}),
      {}, tiny_options())
      .run();
  EXPECT_EQ(testing::metrics(directory / "run", "step").back()["tokens"], 4 * (5 * 4 + 2 * 16));
}

}  // namespace
}  // namespace slm
