// Any bytes as a task file, and a row asked by what it defines: refused with an Error, or answered.
#include "eval/user_task.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const slm::Json kRow = {{"question", "Which is a fruit?"},
                                 {"choices", {{"text", {"apple", "stone"}}}},
                                 {"answer", 0}};
  try {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    slm::Task task = slm::user_task(slm::parse_config(text, "input"), "input");
    slm::Document document = task.document(slm::JsonObject(kRow, "row"));
    std::vector<slm::Request> requests = task.requests(document, document.text);
    task.process(document, std::vector<slm::Score>(requests.size()));
  } catch (const slm::Error&) {
  }
  return 0;
}
