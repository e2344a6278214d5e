#include "util/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/refusal.h"
#include "support/scratch_dir.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::refusal;
using testing::scratch_dir;

int64_t entries(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), {});
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  fs::path directory = scratch_dir(), path = directory / "new" / "a.txt";
  {
    AtomicFile file(path);
    file.write("one");
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(entries(path.parent_path()), 1);
  }
  EXPECT_EQ(entries(path.parent_path()), 0);
  write_file_atomically(path, "one");
  EXPECT_EQ(read_file(path), "one");
  EXPECT_EQ(entries(path.parent_path()), 1);
}

TEST(AtomicFile, TwoWritersOfOneNameDoNotMix) {
  fs::path path = scratch_dir() / "a.txt";
  AtomicFile first(path), second(path);
  first.write("first");
  second.write("the second");
  first.commit();
  EXPECT_EQ(read_file(path), "first");
  second.commit();
  EXPECT_EQ(read_file(path), "the second");
}

// A process that was killed leaves its unfinished file; one with its number must not stumble.
TEST(AtomicFile, ALeftoverIsKnownByItsNameAndInNobodysWay) {
  fs::path directory = scratch_dir(), path = directory / "a.txt";
  pid_t child = fork();
  if (child == 0) {
    AtomicFile file(path);
    file.write("half");
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  ASSERT_EQ(entries(directory), 1);
  fs::path leftover = fs::directory_iterator(directory)->path();
  EXPECT_TRUE(is_temporary_name(leftover.filename().string())) << leftover;

  // The names this process would take next are all taken.
  AtomicFile probe(path);
  std::string taken;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path() != leftover) taken = entry.path().string();
  size_t dash = taken.rfind('-');
  int64_t number = std::stoll(taken.substr(dash + 1));
  for (int64_t n = number + 1; n < number + 4; ++n)
    std::ofstream(taken.substr(0, dash + 1) + std::to_string(n) + ".tmp") << "in the way";
  write_file_atomically(path, "whole");
  EXPECT_EQ(read_file(path), "whole");
}

TEST(AtomicFile, NamesOfUnfinishedFiles) {
  for (const char* name : {"a.txt.12-0.tmp", "latest.1-22.tmp", "model.safetensors.4-5.tmp"})
    EXPECT_TRUE(is_temporary_name(name)) << name;
  for (const char* name : {"a.txt", "a.tmp", "step_3.tmp", "step_3.old.tmp", ".12-0.tmp",
                           "a.12-.tmp", "a.-1.tmp", "a.12.tmp", "a.1x-2.tmp", ".tmp"})
    EXPECT_FALSE(is_temporary_name(name)) << name;
}

TEST(AtomicFile, AFailedCommitLeavesNothingBehind) {
  fs::path directory = scratch_dir(), path = directory / "a";
  fs::create_directories(path / "in the way");
  AtomicFile file(path);
  EXPECT_NE(refusal([&] { file.commit(); }).find("cannot rename to a"), std::string::npos);
  EXPECT_EQ(entries(directory), 1);
}

TEST(Files, SyncWantsADirectory) {
  fs::path file = scratch_dir() / "a";
  write_file_atomically(file, "x");
  EXPECT_NE(refusal([&] { sync_directory(file); }).find("Not a directory"), std::string::npos);
}

TEST(Files, StandardErrorsReadLikeOurs) {
  try {
    fs::create_directory("/no/such/place");
    FAIL();
  } catch (const fs::filesystem_error& e) {
    EXPECT_EQ(describe(e), "/no/such/place: No such file or directory");
  }
}

}  // namespace
}  // namespace slm
