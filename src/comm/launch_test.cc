#include "comm/launch.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace slm {
namespace {

// What a launcher leaves in the environment, while it lives.
class Mark {
 public:
  Mark(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Mark() { unsetenv(name_); }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

 private:
  const char* name_;
};

class Launch : public ::testing::Test {
 protected:
  void SetUp() override {
    if (launched_with_others()) GTEST_SKIP() << "started by mpirun";
  }
};

TEST_F(Launch, KnowsMpirunAndSrun) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"}) {
    Mark mark(name, "0");
    EXPECT_TRUE(launched_with_others()) << name;
  }
  EXPECT_EQ(processes_promised(), 1);
  Mark tasks("SLURM_STEP_NUM_TASKS", "2");  // srun without PMI
  EXPECT_TRUE(launched_with_others());
  EXPECT_EQ(processes_promised(), 2);
  Mark pmi("PMI_SIZE", "4");
  EXPECT_EQ(processes_promised(), 4);
}

// As the script of a batch job sees it, and a step of one task: no reason to touch MPI.
TEST_F(Launch, AnAllocationIsNoLaunch) {
  Mark job("SLURM_JOB_ID", "7"), all("SLURM_NTASKS", "16"), rank("SLURM_PROCID", "0");
  EXPECT_FALSE(launched_with_others());
  Mark tasks("SLURM_STEP_NUM_TASKS", "1");
  EXPECT_FALSE(launched_with_others());
}

}  // namespace
}  // namespace slm
