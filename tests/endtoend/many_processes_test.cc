// A run by several processes, as `mpirun` starts it: the same result, and a clear end.
#include "endtoend/many_processes.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace slm {
namespace {

using testing::ManyProcesses;

TEST_F(ManyProcesses, GiveTheSameBitsAsOne) {
  sh(train("one", 6));
  std::string one = weights("one/step_6");
  ASSERT_FALSE(one.empty());
  sh("mpirun -n 2" + train("two", 6, "--set zero_optimization.stage=1"));
  EXPECT_TRUE(weights("two/step_6") == one);
  sh(train("one_two", 6, "--set exit_interval=3"));
  sh("mpirun -n 2" + train("one_two", 6, "--resume --set zero_optimization.stage=1"));
  EXPECT_TRUE(weights("one_two/step_6") == one) << "stopped with 1, resumed with 2";
  sh("mpirun -n 4" + train("four", 6, "--set exit_interval=3"));
  sh(train("four", 6, "--resume"));
  EXPECT_TRUE(weights("four/step_6") == one) << "stopped with 4, resumed with 1";
}

TEST_F(ManyProcesses, OneErrorIsToldOnce) {
  auto result = run("mpirun -n 2" + train("run", 6, "--set train_data_paths='[\"nowhere\"]'"));
  EXPECT_EQ(result.exit_code, 3) << result.err;
  size_t first = result.err.find("stablelm: rank 0: ");
  ASSERT_NE(first, std::string::npos) << result.err;
  EXPECT_NE(result.err.find("nowhere"), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("stablelm: rank", first + 1), std::string::npos) << result.err;
}

// As `srun` starts it where Slurm and MPI do not know each other, and the mpirun of another MPI.
// (What MPI had begun to set up is no leak of ours.)
TEST_F(ManyProcesses, StartedWithoutTheirMpiTheyAreRefused) {
  for (const char* launcher : {"SLURM_STEP_NUM_TASKS=2", "PMI_RANK=0 PMI_SIZE=2"}) {
    auto result = run(std::string("ASAN_OPTIONS=detect_leaks=0 ") + launcher + train("run", 6));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find("2 processes were started, but MPI knows of one"), std::string::npos)
        << result.err;
  }
}

// Two processes that leave their numbers, and a signal to the second one once the run is under way.
std::string pair_and_signal(const std::string& train, const std::string& signal) {
  return "mpirun -n 2 sh -c 'echo $$ > pid$OMPI_COMM_WORLD_RANK; exec \"$@\"' sh " + train +
         " & job=$!; for i in $(seq 300); do [ -s run/metrics.jsonl ] && break; sleep 0.1; done; "
         "kill -" +
         signal + " $(cat pid1); SECONDS=0; wait $job; code=$?; echo seconds $SECONDS; exit $code";
}

TEST_F(ManyProcesses, ADeadOneEndsTheJob) {
  auto result = run(pair_and_signal(train("run", 100000), "KILL"));
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.err.find("signal 9"), std::string::npos) << result.err;
  EXPECT_LE(std::atoi(result.out.c_str() + result.out.find("seconds ") + 8), 30) << result.out;
}

TEST_F(ManyProcesses, AStoppedOneEndsTheJob) {
  auto result =
      run("export STABLELM_COMM_SILENCE=2; " + pair_and_signal(train("run", 100000), "STOP"));
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_NE(result.err.find("rank 1 has not been heard from"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("all-reduce"), std::string::npos) << result.err;
}

TEST_F(ManyProcesses, ATermSignalToOneSavesOnAll) {
  auto result = run(pair_and_signal(train("run", 100000), "TERM"));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("interrupted; saved"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace slm
