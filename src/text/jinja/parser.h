// The grammar of templates.
#pragma once

#include <string_view>

#include "text/jinja/ast.h"

namespace slm::jinja {

// Errors begin "line N: ", for what is not of the grammar, and for what is but not supported here
// (import, include, extends, block, recursive loops).
Body parse(std::string_view source);

}  // namespace slm::jinja
