// Processes that are threads of this one: for tests, and the measure of every other transport.
#pragma once

#include <functional>

#include "comm/comm.h"

namespace slm {

// Runs body(comm) in `ranks` threads, comm.rank() from 0, and returns when all have. The first
// error of any rank is rethrown here; the others, who would wait for it forever, are stopped.
void run_local_ranks(int ranks, const std::function<void(Comm&)>& body);

}  // namespace slm
