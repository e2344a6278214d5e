// What is said of tasks that could not be done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eval/evaluation.h"

namespace slm {

// One line per reason, "stablelm: <task> <what>: <reason>": tasks that failed for the same reason,
// but for their name in it, share the first one's line and are listed in it.
std::vector<std::string> failure_lines(const std::vector<TaskFailure>& failures,
                                       std::string_view what);

}  // namespace slm
