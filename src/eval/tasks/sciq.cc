// SciQ (Welbl et al. 2017): science questions, most with a supporting passage.
#include "eval/choices.h"
#include "eval/python_text.h"
#include "eval/tasks/tasks.h"

namespace slm {
namespace {

Document document(const JsonObject& row) {
  std::string text = row.string("support") + "\nQuestion: " + row.string("question") + "\nAnswer:";
  return choice_document(row, std::string(strip(text)),
                         {row.string("distractor1"), row.string("distractor2"),
                          row.string("distractor3"), row.string("correct_answer")},
                         3);
}

}  // namespace

std::vector<Task> sciq_tasks() {
  return {{
      .name = "sciq",
      .about = "science questions with a supporting passage",
      .data = {.dataset = "sciq",
               .row = R"({"question": "…", "support": "…", "distractor1": "…", "distractor2": )"
                      R"("…", "distractor3": "…", "correct_answer": "…"})",
               .release = {{Split::kTest, {"SciQ dataset-2 3/test.json"}},
                           {Split::kTrain, {"SciQ dataset-2 3/train.json"}}},
               .documents = 1000},
      .metrics = accuracy_metrics(),
      .document = document,
      .requests = one_per_choice,
      .process = accuracy,
  }};
}

}  // namespace slm
