// stablelm evaluate: benchmark tasks as the published figures were made.
#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/evaluate_run.h"
#include "cli/evaluate_table.h"
#include "cli/task_failures.h"
#include "cli/task_options.h"
#include "cli/together.h"
#include "eval/python_json.h"
#include "eval/task_list.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Prompts, few-shot examples, scores and standard errors are those of the\n"
    "lm-evaluation-harness of July 2023, which made StableLM's published tables.\n"
    "Data are the rows of the Hugging Face datasets (.jsonl, .json, .parquet, packed or not) or "
    "the\noriginal release files, in one directory: arc_challenge_test.jsonl, "
    "piqa/validation.jsonl, "
    "...\nA missing file is named, with where it comes from.\n"
    "Examples:\n"
    "  stablelm evaluate --list-tasks\n"
    "  stablelm evaluate my-model --tasks stablelm --data rows/ --output my-model.json\n"
    "  stablelm evaluate --tasks arc_challenge --data rows/ --num-fewshot 5 --dump-requests "
    "asked.jsonl\n"
    "  stablelm evaluate table evals/*.json --columns readme-2\n"
    "  stablelm evaluate diff before.json after.json";

struct EvaluateFlags {
  TaskFlags tasks;
  EvaluateRun run;
  std::string dump;
  bool list = false;
};

void list_tasks() {
  constexpr std::string_view kMmlu = "hendrycksTest-";
  std::string subjects;
  fmt::print("{:<16} {:>7}  {:<10} {:>6}  {}\n", "task", "version", "split", "rows", "what");
  for (const Task& task : known_tasks()) {
    if (task.name.starts_with(kMmlu)) {
      if (task.version == 1) subjects += " " + task.name.substr(kMmlu.size());
      continue;
    }
    std::string rows = task.data.documents ? std::to_string(task.data.documents) : "any";
    fmt::print("{:<16} {:>7}  {:<10} {:>6}  {}\n", task.name, task.version,
               split_name(task.evaluated), rows, task.about);
  }
  fmt::print(
      "\nMMLU, versions 1 and 0 (hendrycksTest-SUBJECT@0), 14042 rows of the test split:\n{}\n",
      subjects);
  fmt::print("\nGroups:\n");
  for (const TaskGroup& group : task_groups()) fmt::print("  {:<22} {}\n", group.name, group.about);
  fmt::print("\nA task of your own is a .yml file: docs/evaluation.md.\n");
}

// One line per request in the order of evaluation; `stablelm score` reads them.
std::string request_line(const Evaluation& evaluation, const Request& request) {
  Json line = {{"task", evaluation.tasks()[size_t(request.task)].task.name},
               {"doc_id", request.doc_id},
               {"idx", request.idx}};
  if (request.kind == Request::Kind::kRolling) {
    line["text"] = request.continuation;
    return line.dump() + "\n";
  }
  line["context"] = request.context;
  line["continuation"] = request.continuation;
  if (request.kind == Request::Kind::kGreedyUntil) {
    line["until"] = request.stop;
    line["max_tokens"] = request.max_tokens;
  }
  return line.dump() + "\n";
}

void dump_requests(const Evaluation& evaluation, const std::string& file) {
  AtomicFile out(file);
  for (const Request& request : evaluation.requests()) out.write(request_line(evaluation, request));
  out.commit();
  std::span<const Request> all = evaluation.requests();
  for (size_t t = 0; t < evaluation.tasks().size(); ++t) {
    const PreparedTask& task = evaluation.tasks()[t];
    auto first = size_t(task.first_request.front()), last = size_t(task.first_request.back());
    fmt::print("{}: {} requests of {} documents, SHA-256 {}\n", task.task.name, last - first,
               task.documents.size(), request_list_hash(all.subspan(first, last - first)));
  }
}

void dump(const EvaluateFlags& flags) {
  Evaluation evaluation = flags.tasks.prepare();
  for (const std::string& line : failure_lines(evaluation.failures(), "was left out"))
    fmt::print(stderr, "{}\n", line);
  if (!evaluation.tasks().empty()) dump_requests(evaluation, flags.dump);
  if (!evaluation.failures().empty()) throw CLI::RuntimeError(1);
}

void evaluate(const EvaluateFlags& flags) {
  if (flags.list) return list_tasks();
  if (!flags.dump.empty()) return dump(flags);
  int code = 0;
  run_together([&](Comm& comm) {
    code = run_evaluation(comm, flags.run, flags.tasks.prepare(comm.first()));
  });
  if (code != 0) throw CLI::RuntimeError(code);
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command =
      app.add_subcommand("evaluate", "Put benchmark tasks to a model; compare what models reached");
  command->footer(kFooter);
  flags->run.add_to(*command);
  command->get_option("model")->required(false);  // lists, requests and tables need none
  flags->tasks.add_to(*command);
  command
      ->add_option("--dump-requests", flags->dump,
                   "Write every prompt and continuation, in order, without running a model")
      ->type_name("FILE.jsonl");
  command->add_flag("--list-tasks", flags->list, "Show all tasks and groups");
  add_evaluate_table(*command);
  add_evaluate_diff(*command);
  command->callback([flags, command] {
    if (command->get_subcommands().empty()) evaluate(*flags);
  });
}

}  // namespace slm
