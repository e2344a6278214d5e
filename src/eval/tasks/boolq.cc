// BoolQ (Clark et al. 2019) in the form of SuperGLUE, whose passages begin with the title of their
// article: yes-or-no questions about a passage.
#include "eval/choices.h"
#include "eval/tasks/tasks.h"

namespace slm {
namespace {

Document document(const JsonObject& row) {
  std::string text = row.string("passage") + "\nQuestion: " + row.string("question") + "?\nAnswer:";
  bool yes = label(row, "label", 0, 2) == 1;
  return choice_document(row, text, {"yes", "no"}, yes ? 0 : 1);
}

// A tie counts as "no".
std::vector<MetricItem> process(const Document& document, std::span<const Score> scores) {
  bool says_yes = scores[0].log_likelihood > scores[1].log_likelihood;
  return {{double(says_yes == (document.gold == 0))}};
}

}  // namespace

std::vector<Task> boolq_tasks() {
  return {{
      .name = "boolq",
      .version = 1,
      .about = "yes-or-no questions about a passage",
      .data = {.dataset = "super_glue, configuration boolq",
               .row = R"({"question": "is it so", "passage": "Title -- Text.", "label": 1})",
               .names = {"BoolQ"},
               .release = {{Split::kValidation, {"BoolQ/val.jsonl"}},
                           {Split::kTrain, {"BoolQ/train.jsonl"}}},
               .documents = 3270},
      .evaluated = Split::kValidation,
      .metrics = {{"acc"}},
      .document = document,
      .requests = one_per_choice,
      .process = process,
  }};
}

}  // namespace slm
