#include "train/checkpoint_store.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::refusal;
using testing::scratch_dir;

void write_numbers(const fs::path& directory) {
  write_file_atomically(directory / "a.txt", "1234");
  fs::create_directory(directory / "sub");
  write_file_atomically(directory / "sub" / "b.txt", "5678");
}

std::vector<std::string> names(const std::vector<fs::path>& paths) {
  std::vector<std::string> out;
  for (const fs::path& p : paths) out.push_back(p.filename().string());
  return out;
}
using Names = std::vector<std::string>;

TEST(CheckpointStore, NewestFirstAndVerified) {
  CheckpointStore store(scratch_dir());
  for (int64_t step : {5, 10, 100}) store.save(step, write_numbers);
  EXPECT_EQ(names(store.candidates()), (Names{"step_100", "step_10", "step_5"}));
  verify_checkpoint(store.path_of(100));
}

TEST(CheckpointStore, KeepsTheLast) {
  fs::path directory = scratch_dir();
  CheckpointStore store(directory, {.keep_last = 2});
  for (int64_t step : {1, 2, 3, 4}) store.save(step, write_numbers);
  EXPECT_EQ(names(store.candidates()), (Names{"step_4", "step_3"}));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), {}), 3);  // and `latest`
}

TEST(CheckpointStore, LaterStepsOfAnAbandonedBranchAreNotPreferred) {
  CheckpointStore store(scratch_dir());
  for (int64_t step : {1, 2, 9}) store.save(step, write_numbers);
  store.save(3, write_numbers);  // went back to 2 and on
  EXPECT_EQ(names(store.candidates()), (Names{"step_3", "step_2", "step_1"}));
}

TEST(CheckpointStore, ALatestThatMakesNoSenseIsIgnored) {
  fs::path directory = scratch_dir();
  CheckpointStore store(directory);
  for (int64_t step : {1, 2}) store.save(step, write_numbers);
  write_file_atomically(directory / "latest", "../../etc");
  EXPECT_EQ(names(store.candidates()), (Names{"step_2", "step_1"}));
}

// Stopping at any stage leaves a good newest checkpoint: the one before, or the new one.
TEST(CheckpointStore, FailureAtEveryStage) {
  for (const char* bad : {"write", "manifest", "rename", "latest", "prune"}) {
    SCOPED_TRACE(bad);
    fs::path directory = scratch_dir();
    CheckpointStore(directory).save(1, write_numbers);
    CheckpointStore failing(directory, {.keep_last = 1, .on_stage = [&](std::string_view stage) {
                                          if (stage == bad) throw std::runtime_error("stop");
                                        }});
    EXPECT_THROW(failing.save(2, write_numbers), std::runtime_error);

    CheckpointStore after(directory, {.keep_last = 1});
    after.remove_leftovers();
    ASSERT_FALSE(after.candidates().empty());
    verify_checkpoint(after.candidates().front());
    for (const auto& entry : fs::directory_iterator(directory))
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    after.save(2, write_numbers);
    EXPECT_EQ(names(after.candidates()), (Names{"step_2"}));
  }
}

TEST(CheckpointStore, FailureWhileReplacingTheSameStep) {
  fs::path directory = scratch_dir();
  CheckpointStore(directory).save(1, write_numbers);
  CheckpointStore(directory).save(2, write_numbers);
  CheckpointStore failing(directory, {.on_stage = [](std::string_view stage) {
                            if (stage == "rename") throw std::runtime_error("stop");
                          }});
  EXPECT_THROW(failing.save(2, write_numbers), std::runtime_error);
  verify_checkpoint(CheckpointStore(directory).candidates().front());
  CheckpointStore(directory).save(2, write_numbers);
  verify_checkpoint(directory / "step_2");
}

TEST(CheckpointStore, DamageIsNamed) {
  fs::path directory = scratch_dir();
  CheckpointStore store(directory);
  store.save(1, write_numbers);
  fs::path file = directory / "step_1" / "sub" / "b.txt";
  auto complaint = [&] { return refusal([&] { verify_checkpoint(directory / "step_1"); }); };
  write_file_atomically(file, "5679");
  EXPECT_EQ(complaint(), file.string() + ": its contents changed since it was written");
  write_file_atomically(file, "567");
  EXPECT_EQ(complaint(), file.string() + ": 3 bytes, 4 were written");
  fs::remove(file);
  EXPECT_EQ(complaint(), file.string() + ": missing");
  write_file_atomically(directory / "step_1" / "manifest.json", "{\"version\": 1");
  EXPECT_NE(complaint().find("manifest.json"), std::string::npos);
  fs::remove(directory / "step_1" / "manifest.json");
  EXPECT_NE(complaint().find("manifest.json"), std::string::npos);
}

}  // namespace
}  // namespace slm
