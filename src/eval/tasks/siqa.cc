// Social IQa (Sap et al. 2019): why people do things and how they feel about it. StableLM's README
// states the prompt of `siqa`; later commits of the branch that has the task ask as `siqa_plain`.
#include "eval/choices.h"
#include "eval/tasks/tasks.h"

namespace slm {
namespace {

Document document(const JsonObject& row, bool plain) {
  std::string context = row.string("context"), question = row.string("question");
  std::string text =
      plain ? context + " " + question : context + "\nQuestion: " + question + "\nAnswer:";
  int64_t gold = label(row, "label", 1, 3);
  return choice_document(
      row, text, {row.string("answerA"), row.string("answerB"), row.string("answerC")}, gold);
}

Task siqa(const std::string& name, bool plain) {
  return {
      .name = name,
      .about = plain ? "as siqa, without \"Question:\" and \"Answer:\"" : "everyday social sense",
      .data = {.dataset = "social_i_qa",
               .row = R"({"context": "…", "question": "…", "answerA": "…", "answerB": "…", )"
                      R"("answerC": "…", "label": "1"})",
               .names = {"siqa", "social_iqa", "socialiqa-train-dev"},
               .release = {{Split::kValidation, {"socialiqa-train-dev/dev.jsonl"}},
                           {Split::kTrain, {"socialiqa-train-dev/train.jsonl"}}},
               .documents = 1954},
      .evaluated = Split::kValidation,
      .metrics = accuracy_metrics(),
      .document = [plain](const JsonObject& row) { return document(row, plain); },
      .requests = one_per_choice,
      .process = accuracy,
  };
}

}  // namespace

std::vector<Task> siqa_tasks() { return {siqa("siqa", false), siqa("siqa_plain", true)}; }

}  // namespace slm
