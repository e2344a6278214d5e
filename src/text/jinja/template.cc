#include "text/jinja/template.h"

#include "text/jinja/machine.h"
#include "text/jinja/parser.h"
#include "util/error.h"

namespace slm::jinja {

Template::Template(std::string_view source, std::string origin) : origin_(std::move(origin)) {
  constexpr size_t kMaxBytes = 1 << 20;
  check_data(source.size() <= kMaxBytes, "{}: {} bytes; at most {} are read", origin_,
             source.size(), kMaxBytes);
  try {
    body_ = parse(source);
  } catch (const Error& e) {
    fail(e.kind(), "{}: {}", origin_, e.what());
  }
}

Text Template::render(const Dict& names, std::time_t now) const {
  Machine machine(names, now);
  try {
    return machine.run(body_);
  } catch (const Error& e) {
    fail(e.kind(), "{}: line {}: {}", origin_, machine.line(), e.what());
  }
}

}  // namespace slm::jinja
