#include "comm/processors.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "util/cores.h"

namespace slm {
namespace {

// Equal for processes that compete: the machine, and the cores on it.
std::string place() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  std::string text = host;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return text;
  for (int core = 0; core < CPU_SETSIZE; ++core) text += CPU_ISSET(core, &set) ? '1' : '0';
  return text;
}

}  // namespace

int fair_cores(Comm& comm) {
  if (comm.size() == 1) return allowed_cores();
  std::vector<std::string> places = comm.gather(place(), 0);
  std::vector<int> sharers(size_t(comm.size()), 1);
  for (size_t r = 0; r < places.size(); ++r)
    sharers[r] = int(std::count(places.begin(), places.end(), places[r]));
  comm.broadcast(std::as_writable_bytes(std::span(sharers)), 0);
  return std::max(1, allowed_cores() / sharers[size_t(comm.rank())]);
}

}  // namespace slm
