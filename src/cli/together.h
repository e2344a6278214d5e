// A command that all processes of a job carry out together.
#pragma once

#include <functional>

#include "comm/comm.h"

namespace slm {

// Calls work(comm) in each process. An error in one of several ends them all, with its exit code
// and its message, told once.
void run_together(const std::function<void(Comm&)>& work);

}  // namespace slm
