// The transport over MPI: this test program, started once more by mpirun, for one test whatever its
// own share of them is.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "comm/comm.h"
#include "comm/exercise_test.h"
#include "comm/launch.h"
#include "support/process.h"
#include "util/error.h"

namespace slm {
namespace {

testing::ProcessResult run_ranks(int ranks, const std::string& test,
                                 const std::string& environment = "") {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  return testing::run_process(
      {"sh", "-c",
       format("unset GTEST_TOTAL_SHARDS GTEST_SHARD_INDEX; {} exec {} -n {} {} --gtest_filter={}",
              environment, testing::kMpirun, ranks, self, test)},
      "/");
}

TEST(Mpi, DoesTheSameCollectives) {
  if (launched_with_others()) GTEST_SKIP() << "started by mpirun";
  for (int ranks : {2, 3}) {
    auto result = run_ranks(ranks, "MpiRank.Exercises");
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  }
}

TEST(Mpi, ARankThatStaysAwayIsNamed) {
  if (launched_with_others()) GTEST_SKIP() << "started by mpirun";
  auto result = run_ranks(2, "MpiRank.StaysAway", "STABLELM_COMM_TIMEOUT=0.5");
  EXPECT_EQ(result.exit_code, 6) << result.out << result.err;
  EXPECT_NE(result.err.find("for rank 1, which did not come"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("barrier"), std::string::npos) << result.err;
}

// The ranks of the tests above.
TEST(MpiRank, Exercises) {
  if (!launched_with_others()) GTEST_SKIP() << "for mpirun";
  auto comm = make_comm();
  EXPECT_EQ(testing::exercise(*comm), "");
}

TEST(MpiRank, StaysAway) {
  if (!launched_with_others()) GTEST_SKIP() << "for mpirun";
  auto comm = make_comm();
  try {
    if (comm->rank() == 0) comm->barrier();
    std::this_thread::sleep_for(std::chrono::seconds(10));
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    comm->abort(6);
  }
}

}  // namespace
}  // namespace slm
