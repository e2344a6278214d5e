#include "train/pretraining.h"

#include <algorithm>

#include "backend/probe.h"
#include "comm/flight_recorder.h"
#include "comm/processors.h"
#include "model/sizes.h"
#include "train/checkpoint_writer.h"
#include "train/fault_watch.h"
#include "train/initialize.h"
#include "train/machine.h"
#include "train/model_shape.h"
#include "train/optimizer_shards.h"
#include "train/restart.h"
#include "train/run_log.h"
#include "train/save_plan.h"
#include "train/task_watch.h"
#include "train/vocabulary.h"
#include "util/error.h"
#include "util/file_lock.h"
#include "util/files.h"
#include "util/stop_request.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

// The cores that are left to each process, unless the person said how many threads.
BackendOptions fair_share(BackendOptions options, Comm& comm) {
  int cores = fair_cores(comm);
  if (options.threads == 0) options.threads = cores;
  return options;
}

std::unique_ptr<Backend> made_backend(const PretrainOptions& options, Comm& comm) {
  BackendOptions share = fair_share(options.backend_options, comm);
  if (options.make_backend) return options.make_backend(share);
  return make_backend(options.backend, share);
}

// Processes that were told different things would train different models, or wait forever.
void check_same_everywhere(Comm& comm, const std::string& told) {
  std::vector<std::string> texts = comm.gather(told, 0);
  for (size_t r = 1; r < texts.size(); ++r)
    check(texts[r] == texts[0],
          "process {} has another configuration, other data or another checkpoint than process 0: "
          "start all with the same arguments, on files that are the same everywhere",
          r);
}

// The numbers of `from`, in the type that `to` computes in.
void assign(Backend& backend, const Parameters& from, const Parameters& to) {
  for (const Parameter& p : to.items()) backend.copy(from.at(p.spec.name), p.value);
}

}  // namespace

struct Pretraining::State {
  State(RunConfig run_config, std::vector<ConfigSource> config_files, PretrainOptions run_options);

  bool run();

  RunFacts facts();
  TrainingSnapshot snapshot();
  void save(RunLog& log);
  void plot(RunLog& log);
  void saved(const std::optional<CheckpointWriter::Outcome>& outcome, RunLog& log);
  void continue_from(const Restart& restart, bool with_optimizer);
  // Trains until the end or a stop; false: a fault asks for a rewind.
  bool train(RunLog& log, const StopRequest& stop);
  void skip(const Fault& fault, int64_t from_sample);
  void rewind(const Fault& fault);
  void validate(RunLog& log, const StopRequest& stop);
  void conclude(RunLog& log);
  // Consumed so far; samples cut short count as what is left of them.
  int64_t tokens() const {
    return config.curriculum.enabled ? trained_tokens
                                     : machine->trainer.samples() * config.shape.seq_length;
  }
  int64_t last_step() const { return config.schedule.train_steps; }
  bool due(int64_t every) const {
    int64_t step = machine->trainer.steps();
    return step == last_step() || (every > 0 && step % every == 0);
  }

  RunConfig config;
  std::vector<ConfigSource> files;
  PretrainOptions options;
  std::unique_ptr<Comm> alone;
  Comm& comm;  // only the first process says and writes anything
  ProcessGrid grid;
  std::unique_ptr<Backend> backend;
  Vocabulary vocabulary;
  ModelConfig model;
  ModelPart mine;  // this process's part of the model
  RunData data;
  CheckpointStore store;
  std::optional<FileLock> lock;  // of the directory that is saved to
  FaultWatch faults;
  std::unique_ptr<Machine> machine;
  std::optional<NextToken> validation, test;
  std::unique_ptr<TaskWatch> tasks;
  OptimizerState staged;  // what the save under way is written from
  CheckpointWriter writer;
  Curriculum curriculum{config.curriculum, config.shape.seq_length};
  int64_t trained_tokens = 0;
  int64_t saved_step = -1;
  Json skipped = Json::array();
  std::optional<Fault> rewinding;
};

Pretraining::State::State(RunConfig run_config, std::vector<ConfigSource> config_files,
                          PretrainOptions run_options)
    : config(std::move(run_config)),
      files(std::move(config_files)),
      options(std::move(run_options)),
      alone(options.comm ? nullptr : one_process()),
      comm(options.comm ? *options.comm : *alone),
      grid(comm, config.parts()),
      backend(made_backend(options, comm)),
      vocabulary(open_vocabulary(config, false)),
      model(model_for_training(config.shape, vocabulary.tokens, vocabulary.special, config.notes)),
      mine(model.spec, grid.part(), grid.parts()),
      data(open_run_data(config, {.vocab = model.spec.vocab})),
      store(config.saving.save,
            {.keep_last = config.saving.keep_last, .keep_every = config.saving.keep_every}),
      faults(fault_policy_spec(config.faults),
             comm.first() ? fs::path(config.saving.save) / "faults.jsonl" : fs::path{}, data.train),
      writer(store, config.saving.background) {
  check(!config.saving.save.empty(),
        "[config] there is nowhere to save to: give key \"save\", or --save DIR");
  for (const std::string& note : config.notes) options.say("note: " + note);
  bool own = fs::exists(config.saving.load) && fs::exists(config.saving.save) &&
             fs::equivalent(config.saving.load, config.saving.save);
  check(options.resume || own || store.candidates().empty(),
        "{}: already holds checkpoints; continue them with --resume, or save elsewhere",
        config.saving.save);
  if (comm.first()) {
    lock.emplace(fs::path(config.saving.save) / ".lock", [this] {
      fail(ErrorKind::kIo, "{}: another run is saving to it; wait for it, or save elsewhere",
           config.saving.save);
    });
    store.remove_leftovers();
  }
  comm.barrier();  // nobody looks for checkpoints before, nobody makes one

  std::optional<Restart> restart = find_restart(config, model, options.resume, options.say);
  if (restart && restart->state) reconcile_schedule(config, restart->state->schedule);
  Parameters initial = restart ? mine.take(std::exchange(restart->parameters, {}))
                               : initial_parameters(mine, config.init, uint64_t(config.data.seed));
  auto accept = [this](const StepReport& r) {
    return faults.accept(r, machine->trainer.samples(), config.batch.global);
  };
  machine = std::make_unique<Machine>(config, mine, vocabulary.special, std::move(initial),
                                      *backend, grid, source_of(data.train), accept);
  if (restart && restart->state) {
    continue_from(*restart, !config.saving.load_without_optimizer);
    skipped = restart->state->skipped;
    if (!restart->state->faults.is_null())
      faults.policy().restore(restart->state->faults, restart->checkpoint.string());
    if (restart->state->data != data_fingerprint(config, data.train))
      options.say(
          "note: the data, its weights, the seed or the number of steps changed since this "
          "checkpoint: the run goes on in the new order");
  }
  check_same_everywhere(comm, print_run_config(config) +
                                  data_fingerprint(config, data.train).dump() +
                                  format("\nstep {}", machine->trainer.steps()));
  tasks = TaskWatch::make(config, model, options.say);
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
      .parameters = parameter_count(model.spec)};
  facts.processes = comm.size();
  facts.quiet = !comm.first();
  if (options.backend != "reference")
    facts.peak_flops =
        gemm_flops_per_second(*backend, products_of_training(*backend, config.working_type()));
  comm.all_reduce(std::span(&facts.peak_flops, 1));
  return facts;
}

// Everything but the weights, which the machine has.
void Pretraining::State::continue_from(const Restart& restart, bool with_optimizer) {
  const TrainerState& state = *restart.state;
  if (with_optimizer)
    read_optimizer(restart.checkpoint, mine, machine->parameters, state, machine->optimizer);
  else
    machine->optimizer.set_updates(state.updates);
  machine->trainer.resume(state.steps, state.samples);
  if (machine->scaler && !state.loss_scaler.is_null())
    machine->scaler->resume(state.loss_scaler, restart.checkpoint.string());
  trained_tokens = state.tokens;
  bool own = restart.checkpoint.parent_path() == fs::path(config.saving.save);
  saved_step = own ? state.steps : -1;
  options.say(format("continuing from {} at step {}", restart.checkpoint.string(), state.steps));
}

TrainingSnapshot Pretraining::State::snapshot() {
  const Trainer& trainer = machine->trainer;
  DType computed = machine->parameters.values().dtype();
  DType dtype = dtype_from_name(config.saving.dtype).value_or(computed);
  OptimizerState live = whole_state(grid, mine, machine->parameters, machine->optimizer, staged);
  if (config.saving.background && comm.first() && live.m.storage() != staged.m.storage())
    copy_state(*backend, live, staged);
  return {.model = model,
          .parameters = parameter_specs(model.spec),
          .optimizer = config.saving.background ? staged : live,
          .state = {.steps = trainer.steps(),
                    .samples = trainer.samples(),
                    .tokens = tokens(),
                    .updates = machine->optimizer.updates(),
                    .schedule = schedule_state(config),
                    .data = data_fingerprint(config, data.train),
                    .skipped = skipped,
                    .faults = faults.policy().state(),
                    .loss_scaler = machine->scaler ? machine->scaler->saved() : Json()},
          .config_files = files,
          .resolved_config = print_run_config(config),
          .tokenizer = vocabulary.tokenizer,
          .dtype = dtype,
          .with_master = dtype != DType::kF32 || computed != DType::kF32,
          .with_optimizer = !config.saving.without_optimizer};
}

void Pretraining::State::save(RunLog& log) {
  Trainer& trainer = machine->trainer;
  if (!comm.any(saved_step != trainer.steps())) return;
  PhaseClock::Scope saving(&trainer.clock(), Phase::kSave);
  saved(writer.wait(), log);
  TrainingSnapshot what = snapshot();
  if (comm.first())
    writer.save(trainer.steps(), [what = std::move(what)](const fs::path& directory) {
      write_training_snapshot(directory, what);
    });
  saved_step = trainer.steps();
  if (!config.saving.background) saved(writer.wait(), log);
}

void Pretraining::State::saved(const std::optional<CheckpointWriter::Outcome>& outcome,
                               RunLog& log) {
  if (!outcome) return;
  if (outcome->error.empty()) {
    log.saved(outcome->step, store.path_of(outcome->step), outcome->seconds);
    plot(log);
    return;
  }
  auto newest = store.latest();
  log.fault(machine->trainer.steps(),
            format("the checkpoint of step {} could not be written: {}; {}", outcome->step,
                   outcome->error,
                   newest ? format("the newest one is of step {}", *newest) : "there is none yet"));
  if (saved_step == outcome->step) saved_step = -1;
}

void Pretraining::State::plot(RunLog& log) {
  try {
    write_file_atomically(fs::path(config.saving.save) / "loss.svg", plot_loss(log.curves()));
  } catch (const Error& e) {  // no reason to end a run
    log.note(machine->trainer.steps(), e.what());
  }
}

void Pretraining::State::validate(RunLog& log, const StopRequest& stop) {
  const Trainer& trainer = machine->trainer;
  log.sources(trainer.steps(), tokens(),
              data.train.usage(std::min(trainer.samples(), data.train.size())));
  if (tasks)
    log.results(trainer.steps(),
                tasks->run(machine->decoder, *backend, grid, [&] { return stop.requested(); }),
                tokens());
  if (!validation) return;
  double loss =
      evaluate(*backend, *validation, {0, config.batch.micro, config.batch.micro_batches()},
               data.valid_batches, &machine->parallel);
  log.loss("valid", trainer.steps(), loss, tokens());
}

void Pretraining::State::conclude(RunLog& log) {
  save(log);
  auto outcome = writer.wait();
  saved(outcome, log);
  bool finished = machine->trainer.steps() >= last_step();
  if (finished && test)
    log.loss("test", machine->trainer.steps(),
             evaluate(*backend, *test, {0, config.batch.micro, config.batch.micro_batches()},
                      data.valid_batches, &machine->parallel),
             tokens());
  if (saved_step != machine->trainer.steps())
    fail(ErrorKind::kIo, "the last checkpoint could not be written: make room and --resume{}",
         outcome ? ": " + outcome->error : "");
  std::string_view how = finished                                               ? "finished"
                         : exit_is_due(config.saving, machine->trainer.steps()) ? "exit_interval"
                                                                                : "interrupted";
  log.say(format("{}; saved {}", how, store.path_of(machine->trainer.steps()).string()));
}

void Pretraining::State::skip(const Fault& fault, int64_t from_sample) {
  skipped.push_back(
      {{"step", fault.step}, {"from_sample", from_sample}, {"to_sample", fault.to_sample}});
}

// Back to the last good checkpoint, and on behind the data that led from there to the fault.
void Pretraining::State::rewind(const Fault& fault) {
  int64_t samples = machine->trainer.samples();
  comm.barrier();  // the first process has written the last checkpoint
  std::optional<Restart> restart = find_restart(config, model, true, options.say);
  if (!restart || !restart->state)
    fail(ErrorKind::kNotFound, "[train] step {}: there is no checkpoint in {} to rewind to",
         fault.step, config.saving.save);
  assign(*backend, mine.take(restart->parameters), machine->parameters);
  continue_from(*restart, true);
  faults.policy().rewind(restart->state->faults, restart->checkpoint.string());
  skip(fault, restart->state->samples);
  machine->trainer.resume(restart->state->steps, samples);
}

bool Pretraining::State::train(RunLog& log, const StopRequest& stop) {
  Trainer& trainer = machine->trainer;
  while (trainer.steps() < last_step() && !comm.any(stop.requested())) {
    comm.recorder().set_step(trainer.steps() + 1);
    StepReport made = trainer.step();
    saved(writer.poll(), log);
    rewinding = faults.take();
    if (rewinding) {
      log.fault(made.step, rewinding->message);
      if (rewinding->verdict.action == FaultAction::kRewind) return false;
      skip(*rewinding, rewinding->from_sample);
    }
    trained_tokens += config.batch.global * curriculum.length(made.step - 1);
    if (made.overflow)
      log.note(made.step, format("the gradients overflowed at a loss scale of {}: no update",
                                 made.loss_scale));
    log.step(made, tokens());
    if (due(config.watching.eval_every)) validate(log, stop);
    if (save_is_due(config.saving, trainer.steps(), last_step())) save(log);
    if (exit_is_due(config.saving, trainer.steps())) break;
  }
  conclude(log);
  return true;
}

bool Pretraining::State::run() {
  Trainer& trainer = machine->trainer;
  RunFacts known = facts();
  if (comm.first()) {
    fs::create_directories(config.saving.save);
    write_run_file(config, model.spec, known);
  }
  StopRequest stop;
  for (bool over = false; !over;) {
    RunLog log(config, known, trainer.steps(), tokens(), trainer.clock());
    for (const std::string& note : config.notes) log.note(trainer.steps(), note);
    if (rewinding) log.fault(trainer.steps(), format("rewound from step {}", rewinding->step));
    bool first = trainer.steps() == 0 && save_is_due(config.saving, 0, last_step());
    if (first || fault_policy_spec(config.faults).rewinds()) save(log);
    over = train(log, stop);
    saved(writer.wait(), log);
    if (!over) rewind(*rewinding);
  }
  return trainer.steps() >= last_step();
}

Pretraining::Pretraining(RunConfig config, std::vector<ConfigSource> files, PretrainOptions options)
    : state_(std::make_unique<State>(std::move(config), std::move(files), std::move(options))) {}

Pretraining::~Pretraining() = default;

bool Pretraining::run() { return state_->run(); }

}  // namespace slm
