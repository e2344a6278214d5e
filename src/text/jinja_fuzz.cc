// libFuzzer target: hostile chat templates, run on a short conversation.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/jinja/template.h"
#include "text/jinja/value.h"
#include "util/error.h"
#include "util/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const slm::jinja::Value kNames = slm::jinja::from_json(slm::Json::parse(
      R"({"messages": [{"role": "user", "content": " Hi é\n"}, {"role": "assistant", "n": 1.5}],
          "bos_token": "<s>", "eos_token": "</s>", "tools": null, "add_generation_prompt": true})"));
  try {
    slm::jinja::Template parsed(std::string_view(reinterpret_cast<const char*>(data), size),
                                "fuzz");
    parsed.render(*kNames.dict(), 0);
  } catch (const slm::Error&) {
  }
  return 0;
}
