// Rows of AI2's question sets: as the dataset has them, {"question", "choices": {"text", "label"}},
// and as the release has them, {"question": {"stem", "choices": [{"text", "label"}]}}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/json.h"

namespace slm {

struct Options {
  std::string question;
  std::vector<std::string> choices;
};

// `question_key`: of the dataset's rows.
Options labelled_options(const JsonObject& row, std::string_view question_key = "question");

}  // namespace slm
