// Templates in the part of the Jinja language that chat templates use, run with limits: on nesting,
// on work and on output. A template can do nothing but make text of what it is given.
// https://jinja.palletsprojects.com/en/3.1.x/templates, set up as the transformers library does:
// trim_blocks, lstrip_blocks, loop controls.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "text/jinja/ast.h"

namespace slm::jinja {

// Immutable, so any number of threads may render one at the same time.
class Template {
 public:
  // Errors begin "<origin>: line N: ".
  Template(std::string_view source, std::string origin);

  // `names`: what the template may refer to. `now`: seconds since 1970, for strftime_now. The
  // result knows which of its bytes are those of values from outside.
  Text render(const Dict& names, std::time_t now) const;

 private:
  std::string origin_;
  Body body_;
};

}  // namespace slm::jinja
