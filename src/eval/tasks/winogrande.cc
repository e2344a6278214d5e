// WinoGrande (Sakaguchi et al. 2020), scored on what follows the blank: the options change the
// context, the continuation stays the same.
#include "eval/choices.h"
#include "eval/python_text.h"
#include "eval/tasks/tasks.h"
#include "util/error.h"

namespace slm {
namespace {

Document document(const JsonObject& row) {
  std::string sentence = row.string("sentence");
  size_t blank = sentence.find('_');
  check_data(blank != sentence.npos, "{}: key \"sentence\" has no blank, written _", row.origin());
  std::string before = sentence.substr(0, blank);
  std::string after(strip(std::string_view(sentence).substr(blank + 1)));
  int64_t gold = label(row, "answer", 1, 2);
  Document out = choice_document(
      row, {}, {before + row.string("option1"), before + row.string("option2")}, gold);
  out.text = out.choices[size_t(gold)];
  out.target = " " + after;
  return out;
}

// The last paragraph of the context, which is the document's own, once with each option.
std::vector<Request> requests(const Document& document, const std::string& context) {
  constexpr std::string_view kBreak = "\n\n";
  size_t last = context.rfind(kBreak);
  std::string head = last == context.npos ? "" : context.substr(0, last + kBreak.size());
  std::vector<Request> out;
  for (const std::string& choice : document.choices)
    out.push_back({.context = head + choice, .continuation = document.target});
  return out;
}

std::vector<MetricItem> process(const Document& document, std::span<const Score> scores) {
  const double both[] = {scores[0].log_likelihood, scores[1].log_likelihood};
  return {{double(argmax(both) == size_t(document.gold))}};
}

}  // namespace

std::vector<Task> winogrande_tasks() {
  return {{
      .name = "winogrande",
      .about = "whom a blank in a sentence stands for",
      .data = {.dataset = "winogrande, configuration winogrande_xl",
               .row = R"({"sentence": "Ann met Eve because _ was in town.", "option1": "Ann", )"
                      R"("option2": "Eve", "answer": "2"})",
               .names = {"winogrande_xl", "winogrande_1.1"},
               .release = {{Split::kValidation, {"winogrande_1.1/dev.jsonl"}},
                           {Split::kTrain, {"winogrande_1.1/train_xl.jsonl"}}},
               .documents = 1267},
      .evaluated = Split::kValidation,
      .metrics = {{"acc"}},
      .document = document,
      .requests = requests,
      .process = process,
  }};
}

}  // namespace slm
