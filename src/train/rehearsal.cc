// The plan of a run: what it will take, without taking it.
#include <chrono>

#include "backend/probe.h"
#include "train/initialize.h"
#include "train/machine.h"
#include "train/model_shape.h"
#include "train/pretraining.h"
#include "train/vocabulary.h"
#include "util/error.h"
#include "util/rng.h"

namespace slm {
namespace {

using Clock = std::chrono::steady_clock;

// Seconds of one step on made-up tokens, or nothing when trying would take long or much memory.
std::optional<double> time_step(const RunConfig& config, const ModelConfig& model,
                                const Vocabulary& vocabulary, const PretrainOptions& options) {
  constexpr double kCheapFlops = 2e11, kCheapBytes = 4e9;
  double tokens = double(config.batch.global * config.shape.seq_length);
  if (flops_per_token(model.spec, config.shape.seq_length) * tokens > kCheapFlops ||
      plan_memory(config, model.spec).total() > kCheapBytes)
    return {};
  auto backend = make_backend(options.backend, options.backend_options);
  int64_t vocab = vocabulary.tokens;
  SampleSource noise = [vocab](int64_t index, std::span<int32_t> out) {
    Rng rng(uint64_t(index), 1);
    for (int32_t& id : out) id = int32_t(rng.uniform() * double(vocab));
  };
  std::unique_ptr<Comm> alone = one_process();
  ProcessGrid grid(*alone, 1);
  Machine machine(config, ModelPart(model.spec), vocabulary.special,
                  initial_parameters(model.spec, config.init, uint64_t(config.data.seed)), *backend,
                  grid, noise);
  machine.trainer.step();  // the first one also allocates
  constexpr int kTimed = 2;
  auto begin = Clock::now();
  for (int i = 0; i < kTimed; ++i) machine.trainer.step();
  return std::chrono::duration<double>(Clock::now() - begin).count() / kTimed;
}

}  // namespace

std::string Pretraining::plan(const RunConfig& given, const PretrainOptions& options) {
  RunConfig config = given;
  Vocabulary vocabulary = open_vocabulary(config, true);
  ModelConfig model =
      model_for_training(config.shape, vocabulary.tokens, vocabulary.special, config.notes);
  for (const std::string& note : config.notes) options.say("note: " + note);
  std::optional<RunData> data;
  try {
    data = open_run_data(config, {.vocab = model.spec.vocab, .only_plan = true});
  } catch (const Error& e) {
    options.say(format("note: {}", e.what()));
  }
  PlanInputs inputs{.config = config, .model = model, .data = data ? &*data : nullptr};
  inputs.seconds_per_step = time_step(config, model, vocabulary, options);
  if (!inputs.seconds_per_step && options.backend != "reference") {
    auto backend = make_backend(options.backend, options.backend_options);
    DType products = products_of_training(*backend, config.working_type());
    inputs.peak_flops = gemm_flops_per_second(*backend, products);
  }
  return describe_plan(inputs);
}

}  // namespace slm
