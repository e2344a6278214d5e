#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "format/safetensors.h"
#include "model/load.h"
#include "model/tiny_spec.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "train/clip.h"
#include "train/initialize.h"
#include "train/next_token.h"

namespace slm {
namespace {

using testing::refusal;

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

// A small model under training; `Objective` is next-token prediction on made-up data.
struct Small {
  explicit Small(TrainerOptions options, NextTokenSpec next = {.seq_length = 12},
                 const char* backend_name = "reference", SampleSource source = counting,
                 DecoderSpec spec = testing::tiny_spec(40, 24))
      : backend(make_backend(backend_name)), parameters(initial_parameters(spec, {.std = 0.2}, 5)) {
    parameters.make_trainable(*backend);
    decoder.emplace(spec, parameters);
    objective.emplace(*decoder, std::move(source), next);
    optimizer.emplace(*backend, parameters, AdamWSpec{});
    trainer.emplace(*backend, parameters, *objective, *optimizer, schedule, options);
  }

  std::unique_ptr<Backend> backend;
  Parameters parameters;
  std::optional<Decoder> decoder;
  std::optional<NextToken> objective;
  std::optional<AdamW> optimizer;
  Schedule schedule = constant(1e-2);
  std::optional<Trainer> trainer;
};

std::vector<float> copy(const Tensor& t) {
  auto numbers = t.span<const float>();
  return {numbers.begin(), numbers.end()};
}

// The batches of a fixture directory, in order; targets follow its labels.
class FixtureObjective : public Objective {
 public:
  FixtureObjective(const Decoder& decoder, const TensorFiles& expected) : decoder_(decoder) {
    ids_ = expected.load("train_input_ids");
    labels_ = expected.load("train_labels");
  }

  Tensor loss(Context& cx, const StepSamples& step, int64_t) override {
    int64_t rows = ids_.dim(1), length = ids_.dim(2), batch = step.first % ids_.dim(0);
    const int64_t* ids = ids_.data<int64_t>() + batch * rows * length;
    const int64_t* labels = labels_.data<int64_t>() + batch * rows * length;
    std::vector<std::vector<int32_t>> sequences;
    std::vector<int32_t> targets;
    for (int64_t r = 0; r < rows; ++r) {
      sequences.emplace_back(ids + r * length, ids + (r + 1) * length);
      for (int64_t t = 1; t < length; ++t) targets.push_back(int32_t(labels[r * length + t]));
      targets.push_back(-100);
    }
    auto counted = std::count_if(targets.begin(), targets.end(), [](int32_t t) { return t >= 0; });
    Tensor hidden = decoder_.hidden(cx, TokenBatch::pack(sequences));
    return decoder_.loss(cx, hidden,
                         Tensor::of(std::span<const int32_t>(targets), {int64_t(targets.size())}),
                         {.divisor = float(counted), .chunk = 16});
  }

 private:
  const Decoder& decoder_;
  Tensor ids_, labels_;
};

struct FixtureCase {
  std::string model, backend;
  bool recompute;
};
class OptimiserSteps : public ::testing::TestWithParam<FixtureCase> {};

// Losses, gradient norms and final weights of three AdamW steps as PyTorch computes them. Bounds
// are those of the fixtures' description.
TEST_P(OptimiserSteps, MatchTheFixture) {
  auto directory = std::filesystem::path("fixtures") / GetParam().model;
  SLM_REQUIRE_EXTERNAL(directory);
  directory = testing::external_data(directory);
  Json scalars = read_json_file(directory / "expected.json");
  const Json& optim = scalars["optim"];
  TensorFiles expected = open_safetensors(directory / "expected.safetensors");

  auto backend = make_backend(GetParam().backend);
  Model model = load_model(directory);
  model.parameters.make_trainable(*backend);
  Decoder decoder = model.decoder();
  FixtureObjective objective(decoder, expected);
  AdamW optimizer(*backend, model.parameters,
                  {.beta1 = optim["betas"][0],
                   .beta2 = optim["betas"][1],
                   .eps = optim["eps"],
                   .weight_decay = optim["weight_decay_2d"]});
  Schedule schedule = constant(optim["lr"]);
  Trainer trainer(*backend, model.parameters, objective, optimizer, schedule,
                  {.max_grad_norm = optim["clip_norm"], .recompute = GetParam().recompute});
  for (int step = 0; step < 3; ++step) {
    StepReport report = trainer.step();
    EXPECT_NEAR(report.loss, scalars["train_losses"][step], 5e-5);
    EXPECT_NEAR(report.grad_norm, scalars["train_grad_norms"][step], 1e-4 * report.grad_norm);
  }
  EXPECT_NEAR(evaluate(*backend, objective, {0, 1, 1}, 1), scalars["train_losses"][3], 5e-5);

  auto scratch = testing::scratch_dir();
  save_model(scratch, model.config, model.parameters);
  TensorFiles trained = open_checkpoint_dir(scratch);
  int compared = 0;
  for (const TensorEntry& entry : expected.entries()) {
    if (!entry.name.starts_with("final.")) continue;
    ++compared;
    Tensor want = expected.load(entry.name), got = trained.load(entry.name.substr(6));
    ASSERT_EQ(want.shape(), got.shape()) << entry.name;
    for (int64_t i = 0; i < want.elements(); ++i)
      ASSERT_NEAR(got.data<float>()[i], want.data<float>()[i], 3e-5) << entry.name << " " << i;
  }
  EXPECT_EQ(compared, int(trained.entries().size()));
}

INSTANTIATE_TEST_SUITE_P(
    Families, OptimiserSteps,
    ::testing::Values(FixtureCase{"stablelm-3b", "reference", false},
                      FixtureCase{"stablelm-3b", "cpu", false},
                      FixtureCase{"stablelm-3b", "cpu", true},
                      FixtureCase{"stablelm-2-12b-qkln-parallel-gqa", "cpu", false},
                      FixtureCase{"stablelm-2-1_6b-qkvbias", "cpu", true},
                      FixtureCase{"gpt_neox-v1-parallel", "cpu", false},
                      FixtureCase{"gpt_neox-sequential", "cpu", false},
                      FixtureCase{"llama-vicuna", "cpu", false},
                      FixtureCase{"stablelm_alpha-v2", "cpu", false}),
    [](const auto& test) {
      std::string name =
          test.param.model + "_" + test.param.backend + (test.param.recompute ? "_recompute" : "");
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

TEST(Trainer, LearnsAndCounts) {
  Small small({.micro_batch = 2, .accumulate = 2});
  double first = small.trainer->step().loss, last = 0;
  for (int i = 0; i < 20; ++i) last = small.trainer->step().loss;
  EXPECT_NEAR(first, std::log(40), 1.5);
  EXPECT_LT(last, 0.6 * first);
  EXPECT_EQ(small.trainer->steps(), 21);
  EXPECT_EQ(small.trainer->samples(), 84);
  EXPECT_EQ(small.optimizer->updates(), 21);
}

TEST(Trainer, RecomputationIsBitIdentical) {
  for (const char* backend : {"reference", "cpu"}) {
    Small kept({.micro_batch = 2}, {.seq_length = 12}, backend);
    Small again({.micro_batch = 2, .recompute = true}, {.seq_length = 12}, backend);
    for (int i = 0; i < 3; ++i) {
      kept.trainer->step();
      again.trainer->step();
    }
    EXPECT_EQ(copy(kept.parameters.values()), copy(again.parameters.values())) << backend;
  }
}

// A gradient is a sum over the T tokens of the batch; how they are split into micro batches changes
// only the order in which at most T f32 numbers are added. Each addition rounds by half an ulp of a
// partial sum, which on the reference backend is held in double and rounded to f32 once per micro
// batch: A roundings of sums that are at most A times the largest gradient.
TEST(Trainer, AccumulationEqualsTheLargeBatch) {
  constexpr int kAccumulate = 4;
  Small large({.micro_batch = 8}), split({.micro_batch = 2, .accumulate = kAccumulate});
  StepReport a = large.trainer->step(), b = split.trainer->step();
  float largest = 0;
  auto grads = copy(large.parameters.grads()), others = copy(split.parameters.grads());
  for (float g : grads) largest = std::max(largest, std::abs(g));
  double bound = 2.0 * kAccumulate * 0x1p-24 * kAccumulate * largest;
  for (size_t i = 0; i < grads.size(); ++i) ASSERT_NEAR(grads[i], others[i], bound) << i;
  EXPECT_NEAR(a.loss, b.loss, kAccumulate * 0x1p-23 * a.loss);
}

TEST(Trainer, OnlyNormsAndBiasesDoNotDecay) {
  Small small({});
  small.backend->zero(small.parameters.grads());
  auto before = copy(small.parameters.values());
  small.optimizer->step(0.5, 1);
  auto after = copy(small.parameters.values());
  size_t at = 0;
  for (const Parameter& p : small.parameters.items()) {
    bool decays = p.spec.name.find("norm") == std::string::npos;
    for (int64_t i = 0; i < p.value.elements(); ++i, ++at)
      ASSERT_FLOAT_EQ(after[at], decays ? before[at] * 0.95f : before[at]) << p.spec.name;
  }
}

TEST(Trainer, NotFiniteStopsBeforeTheUpdate) {
  Small small({});
  small.trainer->step();
  auto moments = copy(small.optimizer->first_moment());
  small.parameters.at("final_norm.weight").data<float>()[0] = NAN;
  std::string text = refusal([&] { small.trainer->step(); });
  EXPECT_NE(text.find("step 2"), std::string::npos) << text;
  EXPECT_EQ(copy(small.optimizer->first_moment()), moments);
  EXPECT_EQ(small.trainer->steps(), 1);
}

TEST(Clip, ScalesOnlyWhatIsTooLong) {
  EXPECT_EQ(clip_factor(0.5, 1), 1);
  EXPECT_FLOAT_EQ(clip_factor(4, 1), float(1 / (4 + 1e-6)));
  EXPECT_EQ(clip_factor(4, 0), 1);
}

TEST(NextToken, PacksDocuments) {
  const std::vector<int32_t> samples{5, 0, 6, 7, 8, 9, 0, 1, 2, 0};  // two samples of 4 + 1
  NextTokenSpec spec{.seq_length = 4, .eod = 0};
  auto list = [](const Tensor& t) {
    auto numbers = t.span<const int32_t>();
    return std::vector<int32_t>(numbers.begin(), numbers.end());
  };
  using Ids = std::vector<int32_t>;
  NextTokenBatch plain = pack_samples(samples, spec);
  EXPECT_EQ(list(plain.tokens.ids), (Ids{5, 0, 6, 7, 9, 0, 1, 2}));
  EXPECT_EQ(list(plain.targets), (Ids{0, 6, 7, 8, 0, 1, 2, 0}));
  EXPECT_EQ(list(plain.tokens.positions), (Ids{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(plain.tokens.starts, (std::vector<int64_t>{0, 4, 8}));
  EXPECT_EQ(plain.counted, 8);

  spec.reset_attention = spec.reset_positions = spec.mask_eod_loss = true;
  NextTokenBatch reset = pack_samples(samples, spec);
  EXPECT_EQ(reset.tokens.starts, (std::vector<int64_t>{0, 2, 4, 6, 8}));
  EXPECT_EQ(list(reset.tokens.positions), (Ids{0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(list(reset.targets), (Ids{0, -1, 7, 8, 0, -1, 2, 0}));
  EXPECT_EQ(reset.counted, 6);
}

TEST(NextToken, DocumentsDoNotSeeEachOther) {
  // What comes before the end of a document must not change the loss behind it: with the loss of
  // the first half the same in both, equal totals mean equal second halves.
  auto loss = [](int32_t first, bool reset) {
    SampleSource source = [first](int64_t, std::span<int32_t> out) {
      const std::vector<int32_t> ids{first, 3, 0, 11, 12, 13, 14};
      std::copy(ids.begin(), ids.end(), out.begin());
    };
    Small small({}, {.seq_length = 6, .eod = 0, .reset_attention = reset, .reset_positions = reset},
                "reference", source);
    // Rows of the hidden states behind the end of the document.
    std::vector<int32_t> sample{first, 3, 0, 11, 12, 13, 14};
    NextTokenBatch batch = pack_samples(
        sample, {.seq_length = 6, .eod = 0, .reset_attention = reset, .reset_positions = reset});
    Context cx{*small.backend};
    return copy(small.decoder->hidden(cx, batch.tokens).rows(3, 6));
  };
  EXPECT_EQ(loss(4, true), loss(9, true));
  EXPECT_NE(loss(4, false), loss(9, false));
}

TEST(NextToken, MeansOverMicroBatchesOrOverTokens) {
  // Sample 0 has one counted token, sample 1 three.
  SampleSource source = [](int64_t index, std::span<int32_t> out) {
    const std::vector<int32_t> a{0, 0, 3, 4}, b{5, 6, 7, 8};
    std::copy_n((index == 0 ? a : b).begin(), 4, out.begin());
  };
  auto mean = [&](bool over_step, StepSamples samples) {
    Small small({}, {.seq_length = 3, .eod = 0, .mask_eod_loss = true, .mean_over_step = over_step},
                "reference", source);
    return evaluate(*small.backend, *small.objective, samples, 1);
  };
  double a = mean(false, {0, 1, 1}), b = mean(false, {1, 1, 1});
  EXPECT_NEAR(mean(false, {0, 1, 2}), (a + b) / 2, 1e-6);
  EXPECT_NEAR(mean(true, {0, 1, 2}), (a + 3 * b) / 4, 1e-6);
}

TEST(NextToken, NeedsAnEndOfDocumentToReset) {
  EXPECT_NE(
      refusal([] { Small({}, {.seq_length = 3, .reset_attention = true}); }).find("tokenizer"),
      std::string::npos);
}

}  // namespace
}  // namespace slm
