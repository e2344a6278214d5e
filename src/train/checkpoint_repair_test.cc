#include "train/checkpoint_repair.h"

#include <gtest/gtest.h>

#include "support/scratch_dir.h"
#include "train/tiny_run_test.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

// A run with checkpoints of steps 3 and 6.
class CheckpointRepair : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::path directory = testing::scratch_dir();
    Pretraining(testing::tiny_run(directory, {"train_iters=6"}), {}, testing::tiny_options()).run();
    store_ = CheckpointStore(directory / "run");
  }
  fs::path file(int64_t step, const char* name) const { return store_.path_of(step) / name; }

  void flip_last_byte(const fs::path& path) {
    std::string bytes = read_file(path);
    bytes.back() = char(bytes.back() ^ 1);
    write_file_atomically(path, bytes);
  }
  bool all_good() const {
    return examine_checkpoint(store_.path_of(3)).good() &&
           examine_checkpoint(store_.path_of(6)).good();
  }

  CheckpointStore store_{""};
};

TEST_F(CheckpointRepair, LeavesAGoodRunAlone) {
  RepairReport report = repair_run(store_);
  EXPECT_TRUE(report.done.empty() && report.beyond.empty());
  EXPECT_TRUE(all_good());
}

TEST_F(CheckpointRepair, RestoresFilesThatAllCheckpointsShare) {
  flip_last_byte(file(6, "config.json"));
  fs::remove(file(6, "config/resolved.yml"));
  RepairReport report = repair_run(store_);
  EXPECT_EQ(report.done.size(), 2u);
  EXPECT_TRUE(report.beyond.empty());
  EXPECT_TRUE(all_good());
}

TEST_F(CheckpointRepair, DamagedNumbersAreBeyondItAndLatestMoves) {
  flip_last_byte(file(6, "optimizer.safetensors"));
  RepairReport report = repair_run(store_);
  ASSERT_EQ(report.beyond.size(), 1u);
  EXPECT_NE(report.beyond[0].find("optimizer.safetensors"), std::string::npos);
  EXPECT_NE(report.beyond[0].find("exp_avg"), std::string::npos) << report.beyond[0];
  EXPECT_EQ(store_.latest(), 3);
  EXPECT_TRUE(fs::exists(store_.path_of(6)));  // nothing is deleted
}

TEST_F(CheckpointRepair, AManifestIsMadeAnewOnlyForWhatIsWhole) {
  fs::remove(file(6, "manifest.json"));
  RepairReport report = repair_run(store_);
  ASSERT_EQ(report.done.size(), 1u);
  EXPECT_NE(report.done[0].find("Warning"), std::string::npos);
  EXPECT_TRUE(all_good());

  fs::remove(file(6, "manifest.json"));
  fs::resize_file(file(6, "optimizer.safetensors"), 1000);
  report = repair_run(store_);
  EXPECT_EQ(report.beyond.size(), 1u);
  EXPECT_FALSE(fs::exists(file(6, "manifest.json")));
  EXPECT_EQ(store_.latest(), 3);
}

TEST_F(CheckpointRepair, LeftoversAndALostLatest) {
  fs::create_directories(store_.directory() / "step_9.tmp");
  fs::remove(store_.directory() / "latest");
  RepairReport report = repair_run(store_);
  EXPECT_EQ(report.done.size(), 2u);
  EXPECT_EQ(store_.latest(), 6);
  EXPECT_FALSE(fs::exists(store_.directory() / "step_9.tmp"));
}

}  // namespace
}  // namespace slm
