#include "util/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace slm {
namespace {

std::optional<int64_t> number_in(const char* file) {
  std::ifstream in(file);
  int64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;  // "max" is no number
}

std::optional<int64_t> system_available() {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  int64_t kib = 0;
  while (in >> key >> kib && std::getline(in, unit))
    if (key == "MemAvailable:") return kib * 1024;
  return {};
}

}  // namespace

int64_t available_memory() {
  int64_t bytes = system_available().value_or(int64_t{1} << 30);
  auto most = number_in("/sys/fs/cgroup/memory.max"),
       used = number_in("/sys/fs/cgroup/memory.current");
  if (most && used) bytes = std::min(bytes, std::max<int64_t>(0, *most - *used));
  return bytes;
}

int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t(usage.ru_maxrss) * 1024;
}

}  // namespace slm
