#include "util/cores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "support/scratch_dir.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const char* text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

TEST(Cores, TwoThreadsOfACoreAreOne) {
  fs::path root = testing::scratch_dir();
  const char* siblings[] = {"0,4\n", "1,5\n", "2-3\n", "2-3\n", "0,4\n", "1,5\n"};
  for (int i = 0; i < 6; ++i)
    write(root / ("cpu" + std::to_string(i)) / "topology/thread_siblings_list", siblings[i]);
  EXPECT_EQ(physical_cores(std::vector{0, 1, 2, 3, 4, 5}, root), 3);
  EXPECT_EQ(physical_cores(std::vector{1, 3, 5}, root), 2);
  EXPECT_EQ(physical_cores(std::vector{0, 7, 8}, root), 3);  // nothing is said of 7 and 8
}

TEST(Cores, TheTightestGroupCounts) {
  fs::path root = testing::scratch_dir();
  write(root / "cpu.max", "max 100000\n");
  write(root / "a/cpu.max", "150000 100000\n");
  write(root / "a/b/cpu.max", "800000 100000\n");
  EXPECT_EQ(cpu_quota("0::/\n", root), INFINITY);
  EXPECT_EQ(cpu_quota("0::/a\n", root), 1.5);
  EXPECT_EQ(cpu_quota("0::/a/b\n", root), 1.5);
  EXPECT_EQ(cpu_quota("0::/../elsewhere\n", root), INFINITY);
  EXPECT_EQ(cpu_quota("nonsense\n", root), INFINITY);
}

TEST(Cores, TheOlderGroupsCountToo) {
  fs::path root = testing::scratch_dir();
  write(root / "cpu/box/cpu.cfs_quota_us", "300000\n");
  write(root / "cpu/box/cpu.cfs_period_us", "100000\n");
  write(root / "cpu/free/cpu.cfs_quota_us", "-1\n");
  write(root / "cpu/free/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota("5:memory:/box\n4:cpu,cpuacct:/box\n", root), 3);
  EXPECT_EQ(cpu_quota("4:cpu,cpuacct:/free\n", root), INFINITY);
  EXPECT_EQ(cpu_quota("5:cpuset:/box\n", root), INFINITY);
}

}  // namespace
}  // namespace slm
