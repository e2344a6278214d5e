#include "cli/task_options.h"

#include <fmt/core.h>

#include "eval/task_list.h"
#include "util/error.h"
#include "util/json.h"

namespace slm {
namespace {

std::map<std::string, std::string> read_descriptions(const std::string& file) {
  std::map<std::string, std::string> out;
  if (file.empty()) return out;
  Json json = read_json_file(file);
  JsonObject object(json, file);
  for (const auto& [task, unused] : json.items()) out[task] = object.string(task);
  return out;
}

void tell_of_partial_data(const Evaluation& evaluation) {
  for (const PreparedTask& task : evaluation.tasks()) {
    const int64_t whole = task.task.data.documents;
    if (whole == 0 || task.available == whole) continue;
    fmt::print(stderr, "{}: {} documents; the published {} split has {}: figures will differ\n",
               task.task.name, task.available, split_name(task.task.evaluated), whole);
  }
}

}  // namespace

void TaskFlags::add_to(CLI::App& command) {
  command
      .add_option("--tasks", tasks,
                  "Names, groups, globs and .yml files, separated by commas; --list-tasks "
                  "shows all")
      ->type_name("LIST");
  command
      .add_option("--data", data,
                  "Where the rows are: a directory, a file named like its task, or TASK=FILE, "
                  "TASK:SPLIT=FILE; several are searched in order")
      ->type_name("PLACE");
  command
      .add_option("--num-fewshot", shots, "Examples before each question (0, or what a group says)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--limit", limit,
                  "Evaluate only so many documents of each task, or, below 1, that share")
      ->type_name("N");
  command
      .add_option("--seed", seed, "Of the order of documents, the choice of examples and --limit")
      ->capture_default_str();
  command
      .add_option("--bootstrap-iters", bootstrap_iters,
                  "Draws for the standard error of perplexities")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--description-dict", descriptions,
                  "A JSON object with a text to put before the prompts of each task")
      ->type_name("FILE.json")
      ->check(CLI::ExistingFile);
}

Evaluation TaskFlags::prepare(bool talks) const {
  check(!tasks.empty(), "--tasks is missing; --list-tasks shows what there is");
  Evaluation evaluation(find_tasks(tasks), RowSource(data),
                        {.shots = shots,
                         .limit = limit,
                         .seed = seed,
                         .bootstrap_iters = bootstrap_iters,
                         .descriptions = read_descriptions(descriptions)});
  if (talks) tell_of_partial_data(evaluation);
  return evaluation;
}

}  // namespace slm
