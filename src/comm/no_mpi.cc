// In place of mpi/ where the build found no MPI.
#include "comm/launch.h"
#include "util/error.h"

namespace slm {

std::shared_ptr<Transport> make_mpi_transport() {
  fail(ErrorKind::kUnsupported,
       "started by mpirun or srun, but this build has no MPI: install libopenmpi-dev (see "
       "tools/install-packages) and build again");
}

}  // namespace slm
