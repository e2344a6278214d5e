#include "cli/evaluate_run.h"

#include <fmt/core.h>

#include <chrono>
#include <set>

#include "cli/task_failures.h"
#include "eval/console_table.h"
#include "eval/scoring/evaluate_tasks.h"
#include "eval/scoring/samples.h"
#include "util/error.h"
#include "util/files.h"
#include "util/progress.h"
#include "util/stop_request.h"

namespace slm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kRegistryName = "stablelm";  // what is a kind of model in the harness

std::string model_args(const EvaluateRun& run) {
  const ModelOptions& model = run.scoring.model;
  std::string args = "pretrained=" + (model.model.empty() ? "built-in" : model.model);
  if (!model.dtype.empty()) args += ",dtype=" + model.dtype;
  if (run.scoring.max_length > 0) args += format(",max_length={}", run.scoring.max_length);
  if (run.scoring.add_special_tokens) args += ",add_special_tokens=True";
  return args;
}

// A whole number of documents stays one, as it was typed.
Json limit_of(const EvaluationOptions& options) {
  if (!options.limit) return nullptr;
  double limit = *options.limit;
  return limit == double(int64_t(limit)) ? Json(int64_t(limit)) : Json(limit);
}

// One number, or one per task where a group gives its tasks different ones.
Json shots_of(const Evaluation& evaluation) {
  Json each = Json::object();
  std::set<int> numbers;
  for (const PreparedTask& task : evaluation.tasks()) {
    each[task.task.name] = task.shots;
    numbers.insert(task.shots);
  }
  if (numbers.size() > 1) return each;
  return numbers.empty() ? evaluation.options().shots.value_or(0) : *numbers.begin();
}

Json config_of(const EvaluateRun& run, const Evaluation& evaluation) {
  const EvaluationOptions& options = evaluation.options();
  Json descriptions = Json::object();
  for (const auto& [task, text] : options.descriptions) descriptions[task] = text;
  return {{"model", kRegistryName},
          {"model_args", model_args(run)},
          {"num_fewshot", shots_of(evaluation)},
          {"batch_size", run.scoring.batch_size},
          {"batch_sizes", Json::array()},
          {"device", chosen_backend(run.scoring.model.backend)},
          {"no_cache", run.scoring.no_cache},
          {"limit", limit_of(options)},
          {"bootstrap_iters", options.bootstrap_iters},
          {"description_dict", descriptions}};
}

void write(const EvaluateRun& run, const Evaluation& evaluation, const EvaluationOutcome& outcome) {
  if (run.output.empty()) return;
  write_file_atomically(run.output, write_results(outcome.results));
  if (!run.log_samples) return;
  for (size_t task : outcome.finished)
    write_samples(samples_path(run.output, evaluation.tasks()[task].task.name), evaluation, task,
                  outcome.scores.scores);
}

void tell_work(const RequestScores& scores, Clock::time_point begin) {
  std::chrono::duration<double> seconds = Clock::now() - begin;
  fmt::print(stderr,
             "{} requests in {}, {} of them from the cache; the model read {} tokens for {}\n",
             scores.scores.size(), format_duration(seconds.count()), scores.from_cache,
             format_count(double(scores.tokens_read)), format_count(double(scores.tokens_asked)));
}

}  // namespace

void EvaluateRun::add_to(CLI::App& command) {
  scoring.add_to(command);
  command.add_option("--output", output, "The file to write the results to, as the harness does")
      ->type_name("FILE.json");
  command
      .add_flag("--log-samples", log_samples,
                "Also write what was asked and answered, per document: FILE.TASK.samples.jsonl")
      ->needs("--output");
}

int run_evaluation(Comm& comm, const EvaluateRun& run, const Evaluation& evaluation) {
  ScoringModel model(run.scoring.model, run.scoring.max_length, run.scoring.add_special_tokens);
  auto cache = run.scoring.open_cache(run.output, model, comm);
  Clock::time_point begin = Clock::now();
  StopRequest stop;
  EvaluationOutcome outcome = evaluate_tasks(
      model.evaluated(), evaluation,
      {.limits = run.scoring.limits(model), .cache = cache.get(), .comm = &comm, .stop = [&] {
         return stop.requested();
       }});
  if (!comm.first()) return 0;
  if (outcome.scores.stopped) {
    fmt::print(stderr, "stopped; {}\n",
               cache ? "the same command goes on from here"
                     : "nothing was kept: scores are with --output, and without --no-cache");
    return kInterrupted;
  }
  outcome.results.config = config_of(run, evaluation);
  write(run, evaluation, outcome);
  tell_work(outcome.scores, begin);
  if (!outcome.results.tasks.empty()) {
    if (run.output.empty()) fmt::print("{}\n", write_results(outcome.results));
    fmt::print("{}\n{}", summary_line(outcome.results), results_table(outcome.results));
  }
  for (const std::string& line : failure_lines(outcome.failures, "was not evaluated"))
    fmt::print(stderr, "{}\n", line);
  return outcome.failures.empty() ? 0 : 1;
}

}  // namespace slm
