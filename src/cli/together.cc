#include "cli/together.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/report_error.h"
#include "util/format.h"

namespace slm {
namespace {

// Most errors, such as a missing file, meet all processes at the same moment. Each gives those of
// lower rank the time to end the job first.
void give_way(int rank) {
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(300 * rank, 3000)));
}

}  // namespace

void run_together(const std::function<void(Comm&)>& work) {
  std::unique_ptr<Comm> comm = make_comm();
  if (comm->size() == 1) return work(*comm);
  try {
    work(*comm);
  } catch (...) {
    give_way(comm->rank());
    comm->abort(report_error(format("rank {}: ", comm->rank())));
  }
}

}  // namespace slm
