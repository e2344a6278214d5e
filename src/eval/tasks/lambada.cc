// LAMBADA (Paperno et al. 2016) in OpenAI's form: the last word of a passage.
#include "eval/tasks/tasks.h"
#include "util/error.h"

namespace slm {
namespace {

// Only the space character separates: a "last word" may contain a line break.
Document document(const JsonObject& row) {
  std::string text = row.string("text");
  size_t space = text.rfind(' ');
  check_data(space != text.npos, "{}: key \"text\" has no space before a last word", row.origin());
  return {.text = text.substr(0, space), .target = text.substr(space)};
}

// Asked twice, for the likelihood and for whether it is what greedy decoding gives.
std::vector<Request> requests(const Document& document, const std::string& context) {
  Request request{.context = context, .continuation = document.target};
  return {request, request};
}

std::vector<MetricItem> process(const Document&, std::span<const Score> scores) {
  return {{scores[0].log_likelihood}, {double(scores[1].greedy)}};
}

}  // namespace

std::vector<Task> lambada_tasks() {
  return {{
      .name = "lambada_openai",
      .about = "the last word of a passage",
      .data = {.dataset = "EleutherAI/lambada_openai",
               .row = R"({"text": "A passage and its last word"})",
               .names = {"lambada"},
               .release = {{Split::kTest, {"lambada_test.jsonl"}}},
               .documents = 5153},
      .examples = Examples::kSampleOthers,
      .examples_split = Split::kTest,
      .metrics = {{"ppl", Aggregation::kPerplexity}, {"acc"}},
      .document = document,
      .requests = requests,
      .process = process,
  }};
}

}  // namespace slm
