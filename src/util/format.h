// Brace-style formatting for messages. GCC 12 ships no <format>; {fmt} is its source.
#pragma once

#include <fmt/format.h>

namespace slm {
using fmt::format;
using fmt::format_string;
}  // namespace slm
