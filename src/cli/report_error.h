// The one line a person reads when something went wrong, and the exit code that says what kind.
#pragma once

#include <string_view>

namespace slm {

// To be called in a catch block: prints "stablelm: <prefix><what>" and returns the exit code.
int report_error(std::string_view prefix = "");

}  // namespace slm
