// HellaSwag (Zellers et al. 2019): how a described scene goes on.
#include "eval/choices.h"
#include "eval/python_text.h"
#include "eval/tasks/tasks.h"
#include "util/error.h"

namespace slm {
namespace {

// Deletes the shortest [...] pairs that lie on one line.
std::string without_brackets(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t open = text.find('[');
    out += text.substr(0, open);
    if (open == text.npos) break;
    text.remove_prefix(open);
    size_t end = text.find_first_of("]\n", 1);
    bool closed = end != text.npos && text[end] == ']';
    if (!closed) out += '[';
    text.remove_prefix(closed ? end + 1 : 1);
  }
  return out;
}

// Takes WikiHow's marks out. Spaces that this leaves at the ends stay: so were the figures made.
std::string clean(std::string_view text) {
  std::string marked = replace_all(strip(text), " [title]", ". ");
  return replace_all(without_brackets(marked), "  ", " ");
}

Document document(const JsonObject& row) {
  std::string text = row.string("activity_label") + ": " + row.string("ctx_a") + " " +
                     capitalize(row.string("ctx_b"));
  std::vector<std::string> endings = strings(row, "endings");
  check_data(endings.size() == 4, "{}: key \"endings\" must hold 4 strings, found {}", row.origin(),
             endings.size());
  for (std::string& ending : endings) ending = clean(ending);
  int64_t gold = label(row, "label", 0, 4);
  return choice_document(row, clean(text), std::move(endings), gold);
}

}  // namespace

std::vector<Task> hellaswag_tasks() {
  return {{
      .name = "hellaswag",
      .about = "how a described scene goes on",
      .data = {.dataset = "hellaswag",
               .row = R"({"activity_label": "Cooking", "ctx_a": "A man stirs.", "ctx_b": "he", )"
                      R"("endings": ["…", "…", "…", "…"], "label": "3"})",
               .release = {{Split::kValidation, {"hellaswag_val.jsonl"}},
                           {Split::kTrain, {"hellaswag_train.jsonl"}}},
               .documents = 10042},
      .evaluated = Split::kValidation,
      .metrics = accuracy_metrics(),
      .document = document,
      .requests = one_per_choice,
      .process = accuracy,
  }};
}

}  // namespace slm
