#include "train/data_parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "comm/local.h"
#include "model/tiny_spec.h"
#include "support/refusal.h"
#include "train/initialize.h"
#include "train/next_token.h"
#include "train/optimizer_shards.h"
#include "train/trainer.h"

namespace slm {
namespace {

using testing::refusal;

struct Way {
  int ranks = 1;
  int64_t micro_batch = 2, accumulate = 8;  // accumulate: of all ranks together
  DataParallelOptions options = {};
  const char* backend = "reference";
  bool recompute = false;
  int eod = -1;  // masks the loss there when given
};

struct Outcome {
  std::vector<double> losses, norms;
  std::vector<float> values;
  std::vector<float> first_moment, second_moment;  // of the whole optimiser
  double validation = 0;
};

void counting(int64_t index, std::span<int32_t> out) {
  for (size_t t = 0; t < out.size(); ++t)
    out[t] = int32_t((index * index * 5 + int64_t(t) * (3 + index % 4)) % 40);
}

std::vector<float> numbers(const Tensor& t) {
  auto span = t.span<const float>();
  return {span.begin(), span.end()};
}

Schedule constant(double lr) {
  RunConfig::Schedule s;
  s.style = "constant";
  s.warmup = 0;
  s.train_steps = s.decay_steps = 1000;
  return Schedule(lr, s);
}

// Three steps of a small model by `way.ranks` threads that work as processes would.
Outcome train(const Way& way, DecoderSpec spec = testing::tiny_spec(40, 24)) {
  Outcome result;
  run_local_ranks(way.ranks, [&](Comm& comm) {
    auto backend = make_backend(way.backend, {.threads = 1});
    Parameters parameters = initial_parameters(spec, {.std = 0.2}, 5);
    parameters.make_trainable(*backend);
    Decoder decoder(spec, parameters);
    NextTokenSpec next{.seq_length = 12};
    if (way.eod >= 0) next.eod = way.eod, next.mask_eod_loss = true;
    NextToken objective(decoder, counting, next);
    DataParallel parallel(comm, *backend, parameters, way.options);
    AdamW optimizer(*backend, parameters, AdamWSpec{}, parallel.span());
    Schedule schedule = constant(1e-2);
    Trainer trainer(*backend, parameters, objective, optimizer, schedule,
                    {.micro_batch = way.micro_batch,
                     .accumulate = way.accumulate,
                     .recompute = way.recompute,
                     .parallel = &parallel});
    for (int i = 0; i < 3; ++i) {
      StepReport report = trainer.step();
      if (!comm.first()) continue;
      result.losses.push_back(report.loss);
      result.norms.push_back(report.grad_norm);
    }
    OptimizerState buffer;
    OptimizerState state = whole_state(comm, parameters, optimizer, buffer);
    double loss = evaluate(*backend, objective, {0, way.micro_batch, way.accumulate}, 2, &parallel);
    if (!comm.first()) return;
    result.validation = loss;
    result.values = numbers(parameters.values());
    result.first_moment = numbers(state.m);
    result.second_moment = numbers(state.v);
    EXPECT_EQ(numbers(state.master), result.values);
    EXPECT_EQ(state.updates, 3);
  });
  return result;
}

void expect_same_bits(const Outcome& a, const Outcome& b, const std::string& what) {
  EXPECT_EQ(a.losses, b.losses) << what;
  EXPECT_EQ(a.norms, b.norms) << what;
  EXPECT_EQ(a.validation, b.validation) << what;
  EXPECT_EQ(a.values, b.values) << what;
  EXPECT_EQ(a.first_moment, b.first_moment) << what;
  EXPECT_EQ(a.second_moment, b.second_moment) << what;
}

TEST(DataParallel, DeterministicIsTheSameBitsForAnyNumberOfProcesses) {
  for (const char* backend : {"reference", "cpu"}) {
    Way one{.options = {.deterministic = true}, .backend = backend};
    Outcome alone = train(one);
    for (int ranks : {2, 4, 8})
      for (int stage : {0, 1}) {
        Way way = one;
        way.ranks = ranks;
        way.options.zero_stage = stage;
        way.options.bucket = 1000;
        expect_same_bits(alone, train(way), format("{} {} ranks, stage {}", backend, ranks, stage));
      }
  }
}

TEST(DataParallel, DeterministicIsTheSameBitsForAnySplitIntoMicroBatches) {
  Way whole{.micro_batch = 16, .accumulate = 1, .options = {.deterministic = true}};
  Outcome large = train(whole);
  for (int64_t micro : {1, 2, 8}) {
    Way way = whole;
    way.micro_batch = micro;
    way.accumulate = 16 / micro;
    expect_same_bits(large, train(way), format("micro batches of {}", micro));
  }
  Way odd{.micro_batch = 6, .accumulate = 2, .options = {.deterministic = true}};
  Way split = odd;
  split.ranks = 2;
  split.micro_batch = 3;
  split.accumulate = 4;
  expect_same_bits(train(odd), train(split), "12 sequences");
}

// The mean of the micro batches' means stays what it is when each is computed in pieces.
TEST(DataParallel, MaskedLossesAreCountedByMicroBatch) {
  Way way{.micro_batch = 4, .accumulate = 4, .eod = 5};
  Outcome fast = train(way);
  way.options.deterministic = true;
  Outcome one = train(way);
  way.ranks = 2;
  expect_same_bits(one, train(way), "masked");
  EXPECT_NEAR(one.losses[0], fast.losses[0], 16 * 0x1p-23 * fast.losses[0]);
}

TEST(DataParallel, OverlapAndRecomputationChangeNothing) {
  Way way{.ranks = 2, .options = {.overlap = false, .bucket = 500}};
  Outcome plain = train(way);
  way.options.overlap = true;
  expect_same_bits(plain, train(way), "overlap");
  way.recompute = true;
  expect_same_bits(plain, train(way), "recomputation");
}

// The fast way adds the same gradients in another order. The first loss is a mean of 16 numbers
// each rounded to f32; the norm of a sum of 16 gradients moves by 16 roundings at the most.
TEST(DataParallel, TheFastWayAgreesWithinRounding) {
  Outcome one = train({});
  for (int ranks : {2, 4}) {
    Outcome many = train({.ranks = ranks});
    EXPECT_NEAR(many.losses[0], one.losses[0], 16 * 0x1p-24 * one.losses[0]);
    EXPECT_NEAR(many.norms[0], one.norms[0], 16 * 0x1p-24 * one.norms[0]);
    EXPECT_NEAR(many.losses[2], one.losses[2], 1e-4 * one.losses[2]);
  }
}

TEST(DataParallel, EveryNumberHasOneOwner) {
  DecoderSpec spec = testing::tiny_spec(40, 24);
  std::vector<FlatSpan> spans(3);
  int64_t count = 0;
  run_local_ranks(3, [&](Comm& comm) {
    auto backend = make_reference_backend();
    Parameters parameters = initial_parameters(spec, {.std = 0.2}, 5);
    parameters.make_trainable(*backend);
    DataParallel parallel(comm, *backend, parameters, {});
    spans[size_t(comm.rank())] = parallel.span();
    if (comm.first()) count = parameters.count();
  });
  EXPECT_EQ(spans[0].begin, 0);
  EXPECT_EQ(spans[0].end, spans[1].begin);
  EXPECT_EQ(spans[1].end, spans[2].begin);
  EXPECT_EQ(spans[2].end, count);
  for (FlatSpan s : spans) EXPECT_NEAR(double(s.size()), double(count) / 3, 128);
}

TEST(DataParallel, RefusesWhatItCannotKeep) {
  Way way{.ranks = 3, .micro_batch = 1, .accumulate = 6, .options = {.deterministic = true}};
  EXPECT_NE(refusal([&] { train(way); }).find("deterministic needs 1, 2, 4"), std::string::npos);
  way.options.deterministic = false;
  way.accumulate = 4;
  EXPECT_NE(refusal([&] { train(way); }).find("4 micro batches do not divide over 3"),
            std::string::npos);
}

TEST(DataParallel, AnErrorInTheMiddleOfAStepEndsAllRanks) {
  std::string text = refusal([] {
    run_local_ranks(2, [](Comm& comm) {
      auto backend = make_reference_backend();
      Parameters parameters = initial_parameters(testing::tiny_spec(40, 24), {.std = 0.2}, 5);
      parameters.make_trainable(*backend);
      DataParallel parallel(comm, *backend, parameters, {.bucket = 1});
      parallel.gradients({0, 1, 2}, [&](const StepSamples&, int64_t, const GradientSink& sink) {
        (*sink.on_gradients)(1);
        if (comm.rank() == 1) fail(ErrorKind::kInvalid, "rank 1 cannot go on");
        return 0.0;
      });
    });
  });
  EXPECT_FALSE(text.empty());
}

TEST(DataParallel, CountsTheBuffersOfTheTree) {
  EXPECT_EQ(extra_gradient_buffers(7, 1), 0);
  EXPECT_EQ(extra_gradient_buffers(8, 1), 3);
  EXPECT_EQ(extra_gradient_buffers(4, 2), 2);
  EXPECT_EQ(extra_gradient_buffers(1024, 1), kTreeLevels);
  EXPECT_EQ(extra_gradient_buffers(1024, 64), 0);
}

}  // namespace
}  // namespace slm
