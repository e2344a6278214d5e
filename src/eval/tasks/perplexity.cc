// Perplexity of plain text, per word and per byte: each record of a file is one document, scored as
// a whole in windows. The text is taken as it is; WikiText comes with spaces around punctuation.
#include "eval/python_text.h"
#include "eval/tasks/tasks.h"
#include "text/unicode.h"
#include "util/error.h"

namespace slm {
namespace {

Document document(const JsonObject& row) {
  std::string text = row.string(row.has("page") ? "page" : "text");
  check_data(!text.empty(), "{}: the text is empty", row.origin());
  return {.text = text};
}

std::vector<Request> requests(const Document& document, const std::string&) {
  return {{.kind = Request::Kind::kRolling, .continuation = document.text}};
}

// The pieces between runs of white space; an empty one at an end counts, as it does upstream.
double words(std::string_view text) {
  int64_t runs = 0;
  for (bool inside = false; !text.empty();) {
    Decoded d = decode_utf8(text);
    bool space = is_python_space(d.c);
    runs += space && !inside;
    inside = space;
    text.remove_prefix(size_t(d.length));
  }
  return double(runs + 1);
}

std::vector<MetricItem> process(const Document& document, std::span<const Score> scores) {
  double ll = scores[0].log_likelihood, bytes = double(document.text.size());
  return {{ll, words(document.text)}, {ll, bytes}, {ll, bytes}};
}

}  // namespace

std::vector<Task> perplexity_tasks() {
  return {{
      .name = "wikitext",
      .version = 1,
      .about = "perplexity of any text, per word and per byte",
      .data = {.dataset = "EleutherAI/wikitext_document_level, or any .txt file",
               .row = R"({"page": "The text of one document."})",
               .names = {"wikitext-2-raw-v1", "perplexity"},
               .release = {{Split::kTest, {"wikitext-2-raw/wiki.test.raw.txt"}}},
               .plain_text = true},
      .examples = Examples::kNone,
      .metrics = {{"word_perplexity", Aggregation::kWeightedPerplexity},
                  {"byte_perplexity", Aggregation::kWeightedPerplexity},
                  {"bits_per_byte", Aggregation::kBitsPerWeight}},
      .document = document,
      .requests = requests,
      .process = process,
  }};
}

}  // namespace slm
