// How many cores this process may keep busy.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace slm {

// One per physical core among the processors this process may run on (the two of a core that runs
// two threads at a time share its arithmetic), and no more than the time its control group gives
// it. At least 1.
int allowed_cores();

// Cores that these processors belong to; `root` is /sys/devices/system/cpu or looks like it. A
// processor that it says nothing of is a core.
int physical_cores(std::span<const int> processors, const std::filesystem::path& root);

// Processors' worth of time that a process whose /proc/self/cgroup reads `membership` may use, by
// the control groups (version 2 or 1) mounted at `root`; infinity without a limit.
double cpu_quota(const std::string& membership, const std::filesystem::path& root);

}  // namespace slm
