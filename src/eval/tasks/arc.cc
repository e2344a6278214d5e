// ARC (Clark et al. 2018): science questions of school tests, with three to five options.
#include "eval/choices.h"
#include "eval/tasks/options.h"
#include "eval/tasks/tasks.h"

namespace slm {
namespace {

// The release nests the question; there and in the dataset some answer keys are digits.
Document document(const JsonObject& row) {
  Options options = labelled_options(row);
  std::string text = "Question: " + options.question + "\nAnswer:";
  int64_t gold = label(row, "answerKey", 1, 5);
  return choice_document(row, text, options.choices, gold);
}

Task arc(const std::string& name, const std::string& configuration, int64_t documents) {
  return {
      .name = name,
      .about = "science questions of school tests",
      .data = {.dataset = "ai2_arc, configuration " + configuration,
               .row = R"({"question": "Which …?", "choices": {"text": ["iron", "ice"], "label": )"
                      R"(["A", "B"]}, "answerKey": "A"})",
               .names = {configuration},
               .release = {{Split::kTest, {configuration + "-Test.jsonl"}},
                           {Split::kTrain, {configuration + "-Train.jsonl"}}},
               .documents = documents},
      .metrics = accuracy_metrics(),
      .document = document,
      .requests = one_per_choice,
      .process = accuracy,
  };
}

}  // namespace

std::vector<Task> arc_tasks() {
  return {arc("arc_challenge", "ARC-Challenge", 1172), arc("arc_easy", "ARC-Easy", 2376)};
}

}  // namespace slm
