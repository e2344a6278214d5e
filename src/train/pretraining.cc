#include "train/pretraining.h"

#include <algorithm>
#include <chrono>

#include "backend/probe.h"
#include "train/initialize.h"
#include "train/model_shape.h"
#include "train/restart.h"
#include "train/run_log.h"
#include "train/trainer.h"
#include "util/error.h"
#include "util/files.h"
#include "util/progress.h"
#include "util/rng.h"
#include "util/stop_request.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Vocabulary {
  int64_t tokens = 0;  // before padding
  SpecialTokens special;
  fs::path tokenizer;  // empty without
};

Vocabulary open_vocabulary(const RunConfig& config, bool may_be_missing) {
  Vocabulary v{.tokens = config.shape.vocab_size};
  fs::path file = config.data.tokenizer;
  bool skip = file.empty() || (may_be_missing && !fs::exists(file));
  if (!skip) {
    auto tokenizer = load_tokenizer(file);
    if (v.tokens == 0) v.tokens = tokenizer->size();
    check(v.tokens >= tokenizer->size(), "[config] vocab_size is {}, but {} has {} tokens",
          v.tokens, file.string(), tokenizer->size());
    v.special = {tokenizer->bos(), tokenizer->eos()};
    if (!v.special.eos) v.special.eos = tokenizer->find("<|endoftext|>");
    v.tokenizer = file;
  }
  check(v.tokens > 0,
        "[config] the size of the vocabulary is unknown: give vocab_file (--tokenizer) or "
        "vocab_size{}",
        skip && !file.empty() ? format("; {} does not exist", file.string()) : "");
  return v;
}

NextTokenSpec objective_spec(const RunConfig& config, const SpecialTokens& special) {
  return {.seq_length = config.shape.seq_length,
          .eod = special.eos,
          .reset_attention = config.data.reset_attention,
          .reset_positions = config.data.reset_positions,
          .mask_eod_loss = config.data.mask_eod_loss,
          .mean_over_step = config.data.loss_norm == "global_tokens",
          .z_loss = float(config.data.z_loss)};
}

AdamWSpec optimizer_spec(const RunConfig::Optimizer& o) {
  return {.beta1 = o.betas[0], .beta2 = o.betas[1], .eps = o.eps, .weight_decay = o.weight_decay};
}

TrainerOptions trainer_options(const RunConfig& c) {
  return {.micro_batch = c.batch.micro,
          .accumulate = c.batch.accumulate,
          .max_grad_norm = c.optimizer.max_grad_norm,
          .recompute = c.recompute};
}

// The moving parts, in the order in which they need each other.
struct Machine {
  Machine(const RunConfig& config, const ModelConfig& model, const SpecialTokens& special,
          Parameters initial, Backend& backend, SampleSource source)
      : parameters(trainable(std::move(initial), backend)),
        decoder(model.spec, parameters),
        objective(decoder, std::move(source), objective_spec(config, special)),
        optimizer(backend, parameters, optimizer_spec(config.optimizer)),
        schedule(config.optimizer.lr, config.schedule),
        trainer(backend, parameters, objective, optimizer, schedule, trainer_options(config)) {}

  static Parameters trainable(Parameters parameters, Backend& backend) {
    parameters.make_trainable(backend);
    return parameters;
  }

  Parameters parameters;
  Decoder decoder;
  NextToken objective;
  AdamW optimizer;
  Schedule schedule;
  Trainer trainer;
};

}  // namespace

struct Pretraining::State {
  State(RunConfig run_config, std::vector<ConfigSource> config_files, PretrainOptions run_options);

  bool run();

  RunFacts facts();
  void save(RunLog& log);
  void validate(RunLog& log);
  void conclude(RunLog& log);
  int64_t tokens() const { return machine->trainer.samples() * config.shape.seq_length; }
  int64_t last_step() const { return config.schedule.train_steps; }
  bool due(int64_t every) const {
    int64_t step = machine->trainer.steps();
    return step == last_step() || (every > 0 && step % every == 0);
  }

  RunConfig config;
  std::vector<ConfigSource> files;
  PretrainOptions options;
  std::unique_ptr<Backend> backend;
  Vocabulary vocabulary;
  ModelConfig model;
  RunData data;
  CheckpointStore store;
  std::unique_ptr<Machine> machine;
  std::optional<NextToken> validation, test;
  int64_t saved_step = -1;
};

Pretraining::State::State(RunConfig run_config, std::vector<ConfigSource> config_files,
                          PretrainOptions run_options)
    : config(std::move(run_config)),
      files(std::move(config_files)),
      options(std::move(run_options)),
      backend(make_backend(options.backend, options.backend_options)),
      vocabulary(open_vocabulary(config, false)),
      model(model_for_training(config.shape, vocabulary.tokens, vocabulary.special, config.notes)),
      data(open_run_data(config, model.spec.vocab)),
      store(config.saving.save, {.keep_last = config.saving.keep_last}) {
  check(!config.saving.save.empty(),
        "[config] there is nowhere to save to: give key \"save\", or --save DIR");
  for (const std::string& note : config.notes) options.say("note: " + note);
  bool own = fs::exists(config.saving.load) && fs::exists(config.saving.save) &&
             fs::equivalent(config.saving.load, config.saving.save);
  check(options.resume || own || store.candidates().empty(),
        "{}: already holds checkpoints; continue them with --resume, or save elsewhere",
        config.saving.save);
  store.remove_leftovers();

  std::optional<Restart> restart = find_restart(config, model, options.resume, options.say);
  if (restart && restart->state) reconcile_schedule(config, restart->state->schedule);
  Parameters initial =
      restart ? std::move(restart->parameters)
              : initial_parameters(model.spec, config.init, uint64_t(config.data.seed));
  machine = std::make_unique<Machine>(config, model, vocabulary.special, std::move(initial),
                                      *backend, source_of(data.train));
  if (restart && restart->state) {
    const TrainerState& state = *restart->state;
    read_optimizer(restart->checkpoint, machine->parameters, state, machine->optimizer);
    machine->trainer.resume(state.steps, state.samples);
    saved_step =
        restart->checkpoint.parent_path() == fs::path(config.saving.save) ? state.steps : -1;
    options.say(format("continuing from {} at step {}", restart->checkpoint.string(), state.steps));
    if (state.data != data_fingerprint(config, data.train))
      options.say(
          "note: the data, its weights, the seed or the number of steps changed since this "
          "checkpoint: the run goes on in the new order");
  }
  if (data.valid)
    validation.emplace(machine->decoder, source_of(*data.valid),
                       objective_spec(config, vocabulary.special));
  if (data.test)
    test.emplace(machine->decoder, source_of(*data.test),
                 objective_spec(config, vocabulary.special));
}

RunFacts Pretraining::State::facts() {
  RunFacts facts{
      .machine = backend->description(),
      .flops_per_token = flops_per_token(model.spec, config.shape.seq_length),
      .causal_flops_per_token = causal_flops_per_token(model.spec, config.shape.seq_length),
      .parameters = machine->parameters.count()};
  if (options.backend != "reference") facts.peak_flops = gemm_flops_per_second(*backend);
  return facts;
}

void Pretraining::State::save(RunLog& log) {
  Trainer& trainer = machine->trainer;
  if (saved_step == trainer.steps()) return;
  auto began = Clock::now();
  PhaseClock::Scope saving(&trainer.clock(), Phase::kSave);
  store.save(trainer.steps(), [&](const fs::path& directory) {
    write_training_snapshot(directory, {.model = model,
                                        .parameters = machine->parameters,
                                        .optimizer = machine->optimizer,
                                        .state = {.steps = trainer.steps(),
                                                  .samples = trainer.samples(),
                                                  .tokens = tokens(),
                                                  .updates = machine->optimizer.updates(),
                                                  .schedule = schedule_state(config),
                                                  .data = data_fingerprint(config, data.train)},
                                        .config_files = files,
                                        .resolved_config = print_run_config(config),
                                        .tokenizer = vocabulary.tokenizer});
  });
  saved_step = trainer.steps();
  log.saved(saved_step, store.path_of(saved_step), seconds_since(began));
  write_file_atomically(fs::path(config.saving.save) / "loss.svg", plot_loss(log.curves()));
}

void Pretraining::State::validate(RunLog& log) {
  const Trainer& trainer = machine->trainer;
  log.sources(trainer.steps(), tokens(), data.train.usage(trainer.samples()));
  if (!validation) return;
  double loss = evaluate(*backend, *validation, {0, config.batch.micro, config.batch.accumulate},
                         data.valid_batches);
  log.loss("valid", trainer.steps(), loss, tokens());
}

void Pretraining::State::conclude(RunLog& log) {
  save(log);
  bool finished = machine->trainer.steps() >= last_step();
  if (finished && test)
    log.loss("test", machine->trainer.steps(),
             evaluate(*backend, *test, {0, config.batch.micro, config.batch.accumulate},
                      data.valid_batches),
             tokens());
  log.say(format("{} {}", finished ? "finished; saved" : "interrupted; saved",
                 store.path_of(machine->trainer.steps()).string()));
}

bool Pretraining::State::run() {
  Trainer& trainer = machine->trainer;
  fs::create_directories(config.saving.save);
  RunFacts known = facts();
  write_run_file(config, model.spec, known);
  RunLog log(config, known, trainer.steps(), tokens(), trainer.clock());
  for (const std::string& note : config.notes) log.note(trainer.steps(), note);
  auto also_save = [&](int64_t step) {
    return std::count(config.saving.extra_steps.begin(), config.saving.extra_steps.end(), step) > 0;
  };
  if (trainer.steps() == 0 && also_save(0)) save(log);

  StopRequest stop;
  while (trainer.steps() < last_step() && !stop.requested()) {
    StepReport made = trainer.step();
    log.step(made, tokens());
    if (due(config.watching.eval_every)) validate(log);
    if (due(config.saving.every) || also_save(trainer.steps())) save(log);
  }
  conclude(log);
  return trainer.steps() >= last_step();
}

Pretraining::Pretraining(RunConfig config, std::vector<ConfigSource> files, PretrainOptions options)
    : state_(std::make_unique<State>(std::move(config), std::move(files), std::move(options))) {}

Pretraining::~Pretraining() = default;

bool Pretraining::run() { return state_->run(); }

namespace {

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
  Machine machine(config, model, vocabulary.special,
                  initial_parameters(model.spec, config.init, uint64_t(config.data.seed)), *backend,
                  noise);
  machine.trainer.step();  // the first one also allocates
  constexpr int kTimed = 2;
  auto begin = Clock::now();
  for (int i = 0; i < kTimed; ++i) machine.trainer.step();
  return seconds_since(begin) / kTimed;
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
    data = open_run_data(config, model.spec.vocab);
  } catch (const Error& e) {
    options.say(format("note: {}", e.what()));
  }
  PlanInputs inputs{.config = config, .model = model, .data = data ? &*data : nullptr};
  inputs.seconds_per_step = time_step(config, model, vocabulary, options);
  if (!inputs.seconds_per_step && options.backend != "reference")
    inputs.peak_flops =
        gemm_flops_per_second(*make_backend(options.backend, options.backend_options));
  return describe_plan(inputs);
}

}  // namespace slm
