#include "util/cores.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "util/format.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// Files of the kernel say nothing of their length. Empty where there is none.
std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// "200000 100000" or "max 100000": microseconds in each period
double quota_v2(const fs::path& group) {
  std::istringstream in(text_of(group / "cpu.max"));
  double quota = 0, period = 0;
  return in >> quota >> period && quota > 0 && period > 0 ? quota / period : kNoLimit;
}

// -1 without a limit
double quota_v1(const fs::path& group) {
  std::istringstream quota_text(text_of(group / "cpu.cfs_quota_us"));
  std::istringstream period_text(text_of(group / "cpu.cfs_period_us"));
  double quota = 0, period = 0;
  return quota_text >> quota && period_text >> period && quota > 0 && period > 0 ? quota / period
                                                                                 : kNoLimit;
}

// A group's limit holds for the groups in it. In a container the path may be one of outside; the
// root is then all there is to see.
double least_quota(const fs::path& root, const std::string& group,
                   double (*quota)(const fs::path&)) {
  double least = quota(root);
  fs::path at = root;
  for (const fs::path& part : fs::path(group).relative_path())
    if (part != "..") least = std::min(least, quota(at /= part));
  return least;
}

bool lists_cpu(const std::string& controllers) {
  std::istringstream in(controllers);
  for (std::string name; std::getline(in, name, ',');)
    if (name == "cpu") return true;
  return false;
}

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> list;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &set)) list.push_back(i);
  for (int i = 0; list.empty() && i < int(std::thread::hardware_concurrency()); ++i)
    list.push_back(i);
  return list;
}

}  // namespace

int physical_cores(std::span<const int> processors, const fs::path& root) {
  std::set<std::string> cores;
  for (int p : processors) {
    std::string siblings = text_of(root / format("cpu{}", p) / "topology" / "thread_siblings_list");
    cores.insert(siblings.empty() ? format("only {}", p) : siblings);
  }
  return int(cores.size());
}

double cpu_quota(const std::string& membership, const fs::path& root) {
  double least = kNoLimit;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {  // "4:cpu,cpuacct:/path" or "0::/path"
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (controllers.empty()) least = std::min(least, least_quota(root, group, quota_v2));
    if (!lists_cpu(controllers)) continue;
    for (const std::string& mount : {std::string("cpu"), controllers})
      least = std::min(least, least_quota(root / mount, group, quota_v1));
  }
  return least;
}

int allowed_cores() {
  int cores = physical_cores(allowed_processors(), "/sys/devices/system/cpu");
  double quota = cpu_quota(text_of("/proc/self/cgroup"), "/sys/fs/cgroup");
  return std::max(1, quota < cores ? int(quota) : cores);
}

}  // namespace slm
