// Was this process started by itself, or as one of several?
#pragma once

#include <memory>

#include "comm/transport.h"

namespace slm {

// Looks for the marks mpirun and srun leave in the environment; touches nothing else.
bool launched_with_others();

// Error when the build has no MPI.
std::shared_ptr<Transport> make_mpi_transport();

}  // namespace slm
