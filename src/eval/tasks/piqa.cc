// PIQA (Bisk et al. 2020): which of two ways reaches a goal.
#include "eval/choices.h"
#include "eval/tasks/tasks.h"

namespace slm {
namespace {

// Solutions keep the spaces they end with.
Document document(const JsonObject& row) {
  std::string text = "Question: " + row.string("goal") + "\nAnswer:";
  int64_t gold = label(row, "label", 0, 2);
  return choice_document(row, text, {row.string("sol1"), row.string("sol2")}, gold);
}

}  // namespace

std::vector<Task> piqa_tasks() {
  return {{
      .name = "piqa",
      .about = "which of two ways reaches a goal",
      .data = {.dataset = "piqa",
               .row = R"({"goal": "Open a jar.", "sol1": "Turn the lid.", "sol2": "Turn the )"
                      R"(table.", "label": 0})",
               .release = {{Split::kValidation, {"valid.jsonl"}}, {Split::kTrain, {"train.jsonl"}}},
               .documents = 1838},
      .evaluated = Split::kValidation,
      .metrics = accuracy_metrics(),
      .document = document,
      .requests = one_per_choice,
      .process = accuracy,
  }};
}

}  // namespace slm
