// GSM8K (Cobbe et al. 2021): school mathematics in words; the answer is generated.
#include <algorithm>

#include "eval/tasks/tasks.h"

namespace slm {
namespace {

constexpr std::string_view kInvalid = "[invalid]";

// What follows the first "#### " that is followed by a number, without thousands separators.
std::string answer_in(std::string_view text) {
  constexpr std::string_view kMark = "#### ", kDigits = "0123456789.,";
  for (size_t at = 0; (at = text.find(kMark, at)) != text.npos; ++at) {
    size_t begin = at + kMark.size();
    size_t digits = begin + (begin < text.size() && text[begin] == '-');
    size_t end = std::min(text.find_first_not_of(kDigits, digits), text.size());
    if (end == digits) continue;
    std::string number(text.substr(begin, end - begin));
    std::erase(number, ',');
    return number;
  }
  return std::string(kInvalid);
}

Document document(const JsonObject& row) {
  return {.text = "Question: " + row.string("question") + "\nAnswer:",
          .target = " " + row.string("answer")};
}

std::vector<Request> requests(const Document&, const std::string& context) {
  return {{.kind = Request::Kind::kGreedyUntil,
           .context = context,
           .stop = {":", "Question:", "Question"},
           .max_tokens = 256}};
}

std::vector<MetricItem> process(const Document& document, std::span<const Score> scores) {
  std::string expected = answer_in(document.target);
  return {{double(expected != kInvalid && answer_in(scores[0].text) == expected)}};
}

}  // namespace

std::vector<Task> gsm8k_tasks() {
  return {{
      .name = "gsm8k",
      .about = "school mathematics in words; the answer is generated",
      .data = {.dataset = "gsm8k, configuration main",
               .row = R"({"question": "…", "answer": "… #### 18"})",
               .release = {{Split::kTest, {"grade_school_math/data/test.jsonl"}},
                           {Split::kTrain, {"grade_school_math/data/train.jsonl"}}},
               .documents = 1319},
      .metrics = {{"acc"}},
      .document = document,
      .requests = requests,
      .process = process,
  }};
}

}  // namespace slm
