#include "eval/tasks/options.h"

#include "eval/choices.h"
#include "util/error.h"

namespace slm {

Options labelled_options(const JsonObject& row, std::string_view question_key) {
  const Json* nested = row.find("question");
  if (!nested || !nested->is_object()) {
    JsonObject choices(row.at("choices"), row.origin() + ": key \"choices\"");
    return {row.string(question_key), strings(choices, "text")};
  }
  JsonObject question(*nested, row.origin() + ": key \"question\"");
  Options out{question.string("stem"), {}};
  const Json& choices = question.at("choices");
  check_data(choices.is_array(), "{}: key \"choices\" must be an array", question.origin());
  for (const Json& choice : choices)
    out.choices.push_back(JsonObject(choice, question.origin() + ": a choice").string("text"));
  return out;
}

}  // namespace slm
