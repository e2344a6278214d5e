// Was this process started by itself, or as one of several?
#pragma once

#include <memory>

#include "comm/transport.h"

namespace slm {

// Looks for the marks mpirun and srun leave in the environment; touches nothing else.
bool launched_with_others();
// How many a launcher says it started, where it is one that MPI may not know; 1 if none does.
int processes_promised();

// Error when the build has no MPI.
std::shared_ptr<Transport> make_mpi_transport();

}  // namespace slm
