// How the cores of a machine are shared by the processes of a job on it.
#pragma once

#include "comm/comm.h"

namespace slm {

// Cores for this process: those it may run on, divided by the processes that may run on the same
// ones. Every process must call it.
int fair_cores(Comm& comm);

}  // namespace slm
