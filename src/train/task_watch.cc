#include "train/task_watch.h"

#include "eval/scoring/evaluate_tasks.h"
#include "eval/scoring/scorer.h"
#include "eval/task_list.h"
#include "util/error.h"

namespace slm {
namespace {

std::shared_ptr<const Tokenizer> tokenizer_of(const RunConfig& config) {
  check(!config.data.tokenizer.empty(),
        "[config] eval_tasks are texts, which need a tokenizer: give vocab_file (--tokenizer)");
  return load_tokenizer(config.data.tokenizer);
}

Evaluation prepare(const RunConfig::Tasks& config) {
  constexpr int64_t kBootstrap = 1000;  // standard errors of perplexities: one digit is enough
  std::string list;
  for (const std::string& name : config.names) list += (list.empty() ? "" : ",") + name;
  EvaluationOptions options{.bootstrap_iters = kBootstrap};
  if (config.limit > 0) options.limit = double(config.limit);
  std::vector<std::string> places{config.data};
  Evaluation evaluation(find_tasks(list), RowSource(places), options);
  for (const TaskFailure& failure : evaluation.failures())
    fail(failure.kind, "eval_tasks: {}: {}", failure.task, failure.message);
  return evaluation;
}

}  // namespace

TaskWatch::TaskWatch(const RunConfig& config, const ModelConfig& model)
    : tokenizer_(tokenizer_of(config)),
      evaluation_(prepare(config.tasks)),
      max_length_(harness_max_length(model)),
      texts_(config.tasks.batch),
      end_of_text_(end_of_text(*tokenizer_, model)) {}

std::unique_ptr<TaskWatch> TaskWatch::make(const RunConfig& config, const ModelConfig& model,
                                           const std::function<void(std::string_view)>& say) {
  if (config.tasks.names.empty()) return nullptr;
  if (!config.tasks.data.empty()) return std::make_unique<TaskWatch>(config, model);
  say("note: eval_tasks are left out: give eval_data_dir, where their rows are");
  return nullptr;
}

// The columns share the documents out. The parts of a row read the same ones in step: as many at a
// time, and to the same end.
Results TaskWatch::run(const Decoder& decoder, Backend& backend, const ProcessGrid& grid,
                       const std::function<bool()>& stop) const {
  EvaluatedModel model{
      decoder, backend, *tokenizer_, {.max_length = max_length_, .end_of_text = end_of_text_}};
  ScoringOptions options{.limits = limits_by_memory(decoder, backend),
                         .comm = &grid.column(),
                         .stop = stop,
                         .show_progress = false};
  options.limits.texts = texts_;
  if (Comm* row = grid.row()) {
    row->broadcast(std::as_writable_bytes(std::span(&options.limits.tokens, 1)), 0);
    options.stop = [row, &stop] { return row->any(stop()); };
  }
  EvaluationOutcome outcome = evaluate_tasks(model, evaluation_, options);
  if (!outcome.failures.empty())
    fail(ErrorKind::kInvalid, "eval_tasks: {}: {}", outcome.failures[0].task,
         outcome.failures[0].message);
  return outcome.results;
}

}  // namespace slm
