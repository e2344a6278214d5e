#include "comm/launch.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "comm/comm.h"
#include "comm/flight_recorder.h"
#include "util/error.h"

namespace slm {
namespace {

class OneProcess : public Transport {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void exchange(int, std::span<const Outgoing>, std::span<const Incoming>) override {}
  void interrupt() override {}
  int open_channel() override { return 0; }
  void abort(int exit_code) override { std::exit(exit_code); }
  FlightRecorder& recorder() override { return recorder_; }

 private:
  FlightRecorder recorder_{0};
};

}  // namespace

bool launched_with_others() {
  // Open MPI's and MPICH's mpirun, srun --mpi=pmix and --mpi=pmi2
  constexpr std::array kMarks{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"};
  if (std::any_of(kMarks.begin(), kMarks.end(), [](const char* m) { return std::getenv(m); }))
    return true;
  return processes_promised() > 1;
}

int processes_promised() {
  int most = 1;
  for (const char* name : {"SLURM_STEP_NUM_TASKS", "PMI_SIZE"})  // srun; MPICH's mpirun, srun
    if (const char* count = std::getenv(name)) most = std::max(most, std::atoi(count));
  return most;
}

std::unique_ptr<Comm> one_process() {
  return std::make_unique<Comm>(std::make_shared<OneProcess>());
}

std::unique_ptr<Comm> make_comm() {
  if (!launched_with_others()) return one_process();
  return std::make_unique<Comm>(make_mpi_transport());
}

}  // namespace slm
