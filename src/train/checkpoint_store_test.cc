#include "train/checkpoint_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "train/checkpoint_manifest.h"
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

TEST(CheckpointStore, KeepsEveryNthForGood) {
  CheckpointStore store(scratch_dir(), {.keep_last = 2, .keep_every = 4});
  for (int64_t step = 1; step <= 10; ++step) store.save(step, write_numbers);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{4, 8, 9, 10}));
}

constexpr const char* kStages[] = {"write", "manifest", "rename", "sync", "latest", "prune"};

// A process of its own saves `step` and is killed at a stage, as by a power cut.
void save_and_die(const fs::path& directory, int64_t step, std::string_view at) {
  pid_t child = fork();
  if (child == 0) {
    CheckpointStore dying(directory, {.keep_last = 1, .on_stage = [&](std::string_view stage) {
                                        if (stage == at) ::kill(::getpid(), SIGKILL);
                                      }});
    dying.save(step, write_numbers);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << at;
}

void expect_sound(const fs::path& directory) {
  CheckpointStore after(directory, {.keep_last = 1});
  after.remove_leftovers();
  ASSERT_FALSE(after.candidates().empty());
  verify_checkpoint(after.candidates().front());
  for (const auto& entry : fs::directory_iterator(directory))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  after.save(2, write_numbers);
  EXPECT_EQ(names(after.candidates()), (Names{"step_2"}));
}

// Ending at any stage leaves a good newest checkpoint: the one before, or the new one.
TEST(CheckpointStore, KilledAtEveryStage) {
  for (const char* stage : kStages) {
    SCOPED_TRACE(stage);
    fs::path directory = scratch_dir();
    CheckpointStore(directory).save(1, write_numbers);
    save_and_die(directory, 2, stage);
    expect_sound(directory);
  }
}

TEST(CheckpointStore, KilledWhileReplacingTheOnlyOne) {
  for (const char* stage : kStages) {
    SCOPED_TRACE(stage);
    fs::path directory = scratch_dir();
    CheckpointStore(directory).save(2, write_numbers);
    save_and_die(directory, 2, stage);
    expect_sound(directory);
  }
}

// What throws, as a full disk does, leaves nothing half-written either.
TEST(CheckpointStore, FailureAtEveryStage) {
  for (const char* bad : kStages) {
    SCOPED_TRACE(bad);
    fs::path directory = scratch_dir();
    CheckpointStore(directory).save(1, write_numbers);
    CheckpointStore failing(directory, {.keep_last = 1, .on_stage = [&](std::string_view stage) {
                                          if (stage == bad) throw std::runtime_error("stop");
                                        }});
    EXPECT_THROW(failing.save(2, write_numbers), std::runtime_error);
    EXPECT_TRUE(failing.remove_leftovers().empty());
    expect_sound(directory);
  }
}

TEST(CheckpointStore, LeftoversAreNamed) {
  fs::path directory = scratch_dir();
  CheckpointStore(directory).save(1, write_numbers);
  fs::create_directories(directory / "step_2.tmp" / "config");
  fs::create_directories(directory / "mine.tmp");
  write_file_atomically(directory / "latest.1234-5.tmp", "st");
  write_file_atomically(directory / "notes.tmp", "mine");
  std::vector<std::string> removed = names(CheckpointStore(directory).remove_leftovers());
  std::sort(removed.begin(), removed.end());
  EXPECT_EQ(removed, (Names{"latest.1234-5.tmp", "step_2.tmp"}));
  EXPECT_TRUE(fs::exists(directory / "mine.tmp") && fs::exists(directory / "notes.tmp"));
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
  write_file_atomically(directory / "step_1" / "a.txt", "123");
  EXPECT_NE(complaint().find("a.txt: 3 bytes, 4 were written; 1 more damaged"), std::string::npos);
  write_file_atomically(directory / "step_1" / "manifest.json", "{\"version\": 2");
  EXPECT_NE(complaint().find("manifest.json"), std::string::npos);
  fs::remove(directory / "step_1" / "manifest.json");
  EXPECT_NE(complaint().find("manifest.json"), std::string::npos);
}

}  // namespace
}  // namespace slm
