// OpenBookQA (Mihaylov et al. 2018): elementary science, without the book.
#include "eval/choices.h"
#include "eval/tasks/options.h"
#include "eval/tasks/tasks.h"

namespace slm {
namespace {

Document document(const JsonObject& row) {
  Options options = labelled_options(row, "question_stem");
  int64_t gold = label(row, "answerKey", 1, 4);
  return choice_document(row, options.question, options.choices, gold);
}

}  // namespace

std::vector<Task> openbookqa_tasks() {
  return {{
      .name = "openbookqa",
      .about = "elementary science",
      .data = {.dataset = "openbookqa, configuration main",
               .row = R"({"question_stem": "Predators eat", "choices": {"text": ["lions", )"
                      R"("bunnies"], "label": ["A", "B"]}, "answerKey": "B"})",
               .release = {{Split::kTest, {"Main/test.jsonl"}},
                           {Split::kTrain, {"Main/train.jsonl"}}},
               .documents = 500},
      .metrics = accuracy_metrics(),
      .document = document,
      .requests = one_per_choice,
      .process = accuracy,
  }};
}

}  // namespace slm
