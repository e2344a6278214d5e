#include "text/json_reader.h"

namespace slm {

std::string json_excerpt(simdjson::dom::element value) {
  std::string text = simdjson::minify(value);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

JsonView parse_json_view(simdjson::dom::parser& parser, std::string_view text,
                         std::string_view origin) {
  constexpr size_t kMaxBytes = size_t{1} << 30, kMaxDepth = 64;
  check_data(text.size() <= kMaxBytes, "{}: {} bytes of JSON; at most {} are read", origin,
             text.size(), kMaxBytes);
  if (auto error = parser.allocate(text.size(), kMaxDepth)) {
    fail(ErrorKind::kNoMemory, "{}: {}", origin, simdjson::error_message(error));
  }
  simdjson::dom::element root;
  if (auto error = parser.parse(text.data(), text.size()).get(root)) {
    fail(ErrorKind::kCorrupt, "{}: not valid JSON: {}", origin, simdjson::error_message(error));
  }
  return JsonView(root, std::string(origin) + ":");
}

}  // namespace slm
