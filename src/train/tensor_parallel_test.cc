// Processes that compute every block together, against one that computes all of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "comm/local.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "train/initialize.h"
#include "train/machine.h"
#include "train/optimizer_shards.h"
#include "train/tiny_run_test.h"
#include "train/training_state.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::refusal;
using testing::scratch_dir;

constexpr int64_t kLayers = 2, kSteps = 5;

// Overrides of the tiny run that make it a family, with heads and channels for four parts. Adam's
// eps is as large as gradients are, so that updates follow them and not their signs.
using Overrides = std::vector<std::string>;
const Overrides kCommon{"hidden_size=32",
                        "num_attention_heads=8",
                        "rotary_pct=0.5",
                        "optimizer.params.eps=1e-2",
                        "optimizer.params.lr=3e-2",
                        "warmup=0.0",
                        "train_batch_size=8",
                        "train_micro_batch_size_per_gpu=2",
                        "gradient_accumulation_steps=0",
                        "init_method_std=0.2"};
const std::map<std::string, Overrides> kFamilies{
    {"gpt_neox",
     {"mlp_type=\"plain\"", "activation=\"gelu\"", "use_bias_in_attn_linear=true",
      "use_bias_in_mlp=true", "gpt_j_residual=true"}},
    {"stablelm", {"use_qkv_bias=true"}},
    {"stablelm, shared norm",
     {"gpt_j_residual=true", "gpt_j_tied=true", "qk_norm=true", "use_bias_in_qk_norm=false",
      "use_bias_in_norms=false", "num_kv_heads=4", "attention_head_type=\"groupedquery\""}},
    {"llama",
     {"norm=\"rmsnorm\"", "rotary_pct=1", "num_kv_heads=4",
      "attention_head_type=\"groupedquery\""}}};

struct Way {
  std::string family = "stablelm";
  int processes = 1, parts = 1;
  Overrides more = {};
  const char* backend = "reference";
};

RunConfig config_of(const Way& way) {
  Overrides all = kCommon;
  const Overrides& family = kFamilies.at(way.family);
  all.insert(all.end(), family.begin(), family.end());
  all.push_back(format("model_parallel_size={}", way.parts));
  all.push_back(format("make_vocab_size_divisible_by={}", 32 / way.parts));
  all.insert(all.end(), way.more.begin(), way.more.end());
  return read_run_config({{"tiny.yml", testing::kTinyConfig}}, all, way.processes);
}

void counting(int64_t index, std::span<int32_t> out) {
  for (size_t t = 0; t < out.size(); ++t)
    out[t] = int32_t((index * index * 5 + int64_t(t) * (3 + index % 4)) % 30);
}

// A process of a run, as Pretraining builds it.
struct Process {
  Process(const RunConfig& run_config, const char* name, Comm& comm)
      : config(run_config),
        grid(comm, config.parts()),
        model(model_for_training(config.shape, 30, {}, config.notes)),
        mine(model.spec, grid.part(), grid.parts()),
        backend(make_backend(name, {.threads = 1})),
        machine(config, mine, {}, initial_parameters(mine, config.init, 7), *backend, grid,
                counting) {}

  RunConfig config;
  ProcessGrid grid;
  ModelConfig model;
  ModelPart mine;
  std::unique_ptr<Backend> backend;
  Machine machine;
};

struct Outcome {
  std::vector<double> losses, norms;
  double validation = 0;
  DecoderSpec spec;
  std::map<std::string, std::vector<float>> gradients;  // of the first step
  OptimizerState state;                                 // at the end, whole
};

std::vector<float> numbers(const Tensor& t) {
  auto span = t.span<const float>();
  return {span.begin(), span.end()};
}

// The gradients of the first column's parts, put together. Those that parts share must be equal.
void collect(const std::vector<std::unique_ptr<Process>>& processes, Outcome& out) {
  const DecoderSpec& spec = out.spec = processes[0]->model.spec;
  for (const ParameterSpec& p : parameter_specs(spec)) {
    Tensor whole = Tensor::host(p.shape, DType::kF32);
    for (const auto& process : processes) {
      const ModelPart& mine = process->mine;
      for (size_t i = 0; i < mine.parameters().size(); ++i) {
        if (mine.parameters()[i].spec.name != p.name) continue;
        const Tensor& grad = process->machine.parameters.items()[i].grad;
        bool shared = mine.spec().part > 0 && !mine.parameters()[i].cut();
        EXPECT_TRUE(!shared || numbers(grad) == numbers(whole)) << p.name;
        mine.put(i, grad, whole);
      }
    }
    out.gradients[p.name] = numbers(whole);
  }
}

Outcome train(const Way& way) {
  RunConfig config = config_of(way);
  Outcome out;
  std::vector<std::unique_ptr<Process>> processes(size_t(way.processes));
  run_local_ranks(way.processes, [&](Comm& comm) {
    auto& p = processes[size_t(comm.rank())] = std::make_unique<Process>(config, way.backend, comm);
    for (int i = 0; i < kSteps; ++i) {
      StepReport report = p->machine.trainer.step();
      if (comm.first()) out.losses.push_back(report.loss), out.norms.push_back(report.grad_norm);
      comm.barrier();
      if (i == 0 && comm.first()) collect(processes, out);
      comm.barrier();
    }
    double loss =
        evaluate(*p->backend, p->machine.objective,
                 {0, config.batch.micro, config.batch.micro_batches()}, 1, &p->machine.parallel);
    OptimizerState buffer;
    OptimizerState state =
        whole_state(p->grid, p->mine, p->machine.parameters, p->machine.optimizer, buffer);
    if (!comm.first()) return;
    out.validation = loss;
    copy_state(*p->backend, state, out.state);
  });
  return out;
}

double length(const std::vector<float>& x) {
  double squares = 0;
  for (float v : x) squares += double(v) * v;
  return std::sqrt(squares);
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  std::vector<float> difference(a.size());
  for (size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return length(difference);
}

// The relative error of a gradient, to first order. On its way forward and back a number is rounded
// 12 L + 3 times each (precision_test.cc), and once more for each part that the two products of a
// block are summed from; each time by at most u of what is added up, in directions that have
// nothing to do with each other. Two runs differ by what both have.
double relative_error(int64_t parts) {
  auto roundings = double(2 * (12 * kLayers + 3 + 2 * parts * kLayers));
  return std::sqrt(2 * roundings) * 0x1p-24;
}

void expect_close(const Outcome& one, const Outcome& many, int64_t parts, const std::string& what) {
  double error = relative_error(parts), whole = one.norms[0];
  for (const auto& [name, gradient] : one.gradients) {
    // What a bias, or a norm's weight, adds up over tokens may cancel.
    double scale = gradient.size() > 100 ? length(gradient) : whole;
    EXPECT_LE(distance(gradient, many.gradients.at(name)), 2 * error * scale)
        << what << " " << name;
  }
  for (size_t i = 0; i < one.losses.size(); ++i) {
    double learned = std::abs(one.losses[0] - one.losses[i]);
    EXPECT_NEAR(many.losses[i], one.losses[i], 4 * error * (one.losses[i] + learned)) << what;
    EXPECT_NEAR(many.norms[i], one.norms[i], 16 * error * one.norms[i]) << what;
  }
  EXPECT_NEAR(many.validation, one.validation, 4 * error * one.losses[0]) << what;
  EXPECT_LT(one.losses.back(), one.losses[0] - 0.05) << what;
}

TEST(TensorParallel, LossesAndGradientsAreThoseOfOneProcess) {
  for (const auto& [family, overrides] : kFamilies) {
    Outcome one = train({.family = family});
    for (auto [processes, parts] : {std::pair{2, 2}, {4, 4}, {4, 2}}) {
      Way way{.family = family, .processes = processes, .parts = parts};
      expect_close(one, train(way), parts, format("{}: {} x {}", family, processes / parts, parts));
    }
  }
}

void expect_same_bits(const Outcome& a, const Outcome& b, const std::string& what) {
  EXPECT_EQ(a.losses, b.losses) << what;
  EXPECT_EQ(a.norms, b.norms) << what;
  EXPECT_EQ(a.validation, b.validation) << what;
  EXPECT_EQ(numbers(a.state.master), numbers(b.state.master)) << what;
  EXPECT_EQ(numbers(a.state.m), numbers(b.state.m)) << what;
  EXPECT_EQ(numbers(a.state.v), numbers(b.state.v)) << what;
}

TEST(TensorParallel, ShardsOverlapAndRecomputationChangeNothing) {
  for (const char* backend : {"reference", "cpu"}) {
    Way way{.family = "gpt_neox", .processes = 4, .parts = 2, .backend = backend};
    Outcome plain = train(way);
    way.more = {"zero_optimization.stage=1", "zero_optimization.reduce_bucket_size=500"};
    expect_same_bits(plain, train(way), "shards");
    way.more.insert(way.more.end(), {"zero_optimization.overlap_comm=true",
                                     "checkpoint_activations=true", "checkpoint_num_layers=2"});
    expect_same_bits(plain, train(way), "overlap and recomputation");
  }
}

TEST(TensorParallel, DeterministicIsTheSameBitsForAnyNumberOfRows) {
  Way way{.processes = 2, .parts = 2, .more = {"deterministic=true"}};
  Outcome two = train(way);
  way.processes = 8;
  expect_same_bits(two, train(way), "4 x 2");
}

// Were parts to drop different numbers, they would go different ways.
TEST(TensorParallel, DropoutIsThatOfOneProcess) {
  Overrides more{"hidden_dropout=0.2", "attention_dropout=0.2"};
  Way way{.family = "gpt_neox", .processes = 2, .parts = 2, .more = more};
  expect_close(train({.family = "gpt_neox", .more = more}), train(way), 2, "dropout");
}

// The bound of precision_test.cc, for two runs that both round. Logits of these models are below 4.
TEST(TensorParallel, HalfPrecisionTracksOneProcess) {
  for (const char* precision : {"bfloat16", "fp16"}) {
    Overrides more{format("precision=\"{}\"", precision), "fp16.initial_scale_power=8"};
    Outcome one = train({.more = more, .backend = "cpu"});
    Way way{.processes = 4, .parts = 2, .more = more, .backend = "cpu"};
    way.more.push_back("zero_optimization.stage=1");
    Outcome many = train(way);
    double u = std::string(precision) == "fp16" ? 0x1p-11 : 0x1p-8;
    double error = relative_error(2) / 0x1p-24 * u;
    for (size_t i = 0; i < one.losses.size(); ++i) {
      double learned = std::abs(one.losses[0] - one.losses[i]);
      EXPECT_NEAR(many.losses[i], one.losses[i], error * (2 * 4 + learned)) << precision << i;
    }
  }
}

// A scale of 2^32 overflows in some process; all must see it, skip, and lower the scale alike.
TEST(TensorParallel, AnOverflowIsSeenByAll) {
  for (auto [processes, parts] : {std::pair{2, 1}, {2, 2}, {4, 2}}) {
    Way way{.processes = processes,
            .parts = parts,
            .more = {"precision=\"fp16\"", "fp16.initial_scale_power=32", "fp16.hysteresis=1",
                     "zero_optimization.stage=1"}};
    RunConfig config = config_of(way);
    run_local_ranks(processes, [&](Comm& comm) {
      Process p(config, "cpu", comm);
      std::vector<float> before = numbers(to_dtype(p.machine.parameters.values(), DType::kF32));
      StepReport report = p.machine.trainer.step();
      EXPECT_TRUE(report.overflow && report.skipped);
      EXPECT_EQ(report.loss_scale, 0x1p32);
      EXPECT_EQ(p.machine.scaler->scale(), 0x1p31);
      EXPECT_EQ(numbers(to_dtype(p.machine.parameters.values(), DType::kF32)), before);
      EXPECT_EQ(p.machine.optimizer.updates(), 0);
    });
  }
}

// What `way` reads of a checkpoint, whole again.
OptimizerState read_back(const fs::path& directory, const Way& way) {
  OptimizerState read;
  run_local_ranks(way.processes, [&](Comm& comm) {
    Process p(config_of(way), "cpu", comm);
    Parameters stored = p.mine.take(load_model(directory).parameters);
    Machine machine(p.config, p.mine, {}, stored, *p.backend, p.grid, counting);
    read_optimizer(directory, p.mine, machine.parameters, read_trainer_state(directory),
                   machine.optimizer);
    OptimizerState buffer;
    OptimizerState state =
        whole_state(p.grid, p.mine, machine.parameters, machine.optimizer, buffer);
    if (comm.first()) copy_state(*p.backend, state, read);
  });
  return read;
}

TEST(TensorParallel, ACheckpointFitsAnyGridOfProcesses) {
  int run = 0;
  for (const char* precision : {"fp32", "bfloat16"}) {
    Overrides more{format("precision=\"{}\"", precision), "zero_optimization.stage=1"};
    Outcome made =
        train({.family = "gpt_neox", .processes = 4, .parts = 2, .more = more, .backend = "cpu"});
    fs::path directory = scratch_dir() / format("checkpoint{}", run++);
    fs::create_directories(directory);
    std::vector<std::string> notes;
    ModelConfig model = model_for_training(config_of({.family = "gpt_neox"}).shape, 30, {}, notes);
    write_training_snapshot(directory, {.model = model,
                                        .parameters = parameter_specs(model.spec),
                                        .optimizer = made.state,
                                        .state = {.steps = kSteps,
                                                  .updates = kSteps,
                                                  .schedule = Json::object(),
                                                  .data = Json::object()},
                                        .with_master = true});
    for (auto [processes, parts] : {std::pair{1, 1}, {2, 1}, {4, 4}, {4, 2}}) {
      OptimizerState read = read_back(
          directory, {.family = "gpt_neox", .processes = processes, .parts = parts, .more = more});
      EXPECT_EQ(numbers(read.master), numbers(made.state.master)) << processes << parts;
      EXPECT_EQ(numbers(read.m), numbers(made.state.m)) << processes << parts;
      EXPECT_EQ(numbers(read.v), numbers(made.state.v)) << processes << parts;
      EXPECT_EQ(read.updates, kSteps);
    }
  }
}

TEST(TensorParallel, RefusesWhatDoesNotDivide) {
  auto complaint = [](int processes, int parts, Overrides more = {}) {
    return refusal([&] { config_of({.processes = processes, .parts = parts, .more = more}); });
  };
  EXPECT_NE(complaint(3, 2).find("model_parallel_size is 2, but there are 3 processes"),
            std::string::npos);
  EXPECT_NE(complaint(3, 3, {"train_batch_size=6"}).find("num_attention_heads is 8"),
            std::string::npos);
  Overrides grouped{"num_kv_heads=2", "attention_head_type=\"groupedquery\""};
  EXPECT_NE(complaint(4, 4, grouped).find("num_kv_heads is 2, which model_parallel_size 4"),
            std::string::npos);
  EXPECT_NE(complaint(2, 2, {"intermediate_size=33"}).find("MLP width is 33"), std::string::npos);
  EXPECT_EQ(complaint(1, 7), "no error");
  EXPECT_NE(refusal([] {
              run_local_ranks(3, [](Comm& comm) { ProcessGrid(comm, 2); });
            }).find("3 do not make rows of 2"),
            std::string::npos);
}

}  // namespace
}  // namespace slm
