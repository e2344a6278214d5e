#include "train/checkpoint_writer.h"

#include <gtest/gtest.h>

#include <semaphore>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "train/checkpoint_manifest.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& directory) { write_file_atomically(directory / "a", "1234"); }

TEST(CheckpointWriter, WritesWhileTheCallerGoesOn) {
  fs::path directory = testing::scratch_dir();
  CheckpointStore store(directory);
  CheckpointWriter writer(store, true);
  std::binary_semaphore go(0);
  writer.save(1, [&](const fs::path& place) {
    go.acquire();
    write_text(place);
  });
  EXPECT_FALSE(writer.poll());  // it waits for us
  EXPECT_TRUE(store.steps().empty());
  EXPECT_NE(testing::refusal([&] { writer.save(2, write_text); }).find("waited for"),
            std::string::npos);
  go.release();
  auto outcome = writer.wait();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->step, 1);
  EXPECT_EQ(outcome->error, "");
  verify_checkpoint(store.path_of(1));
  EXPECT_FALSE(writer.wait());  // told once
}

TEST(CheckpointWriter, AFailureIsToldAndTheNextSaveWorks) {
  for (bool background : {false, true}) {
    CheckpointStore store(testing::scratch_dir());
    CheckpointWriter writer(store, background);
    writer.save(1, write_text);
    EXPECT_EQ(writer.wait()->error, "");
    writer.save(2, [](const fs::path& place) {
      write_text(place);
      fail(ErrorKind::kIo, "{}: cannot write: No space left on device", place.string());
    });
    EXPECT_NE(writer.wait()->error.find("step_2.tmp: cannot write: No space"), std::string::npos);
    EXPECT_EQ(store.latest(), 1);
    EXPECT_TRUE(store.remove_leftovers().empty());
    writer.save(3, write_text);
    EXPECT_EQ(writer.wait()->error, "");
    EXPECT_EQ(store.steps(), (std::vector<int64_t>{1, 3}));
  }
}

TEST(CheckpointWriter, WithoutABackgroundItIsDoneOnReturn) {
  CheckpointStore store(testing::scratch_dir());
  CheckpointWriter writer(store, false);
  writer.save(1, write_text);
  EXPECT_EQ(store.latest(), 1);
  EXPECT_EQ(writer.poll()->step, 1);
}

TEST(CheckpointWriter, ItsEndWaits) {
  CheckpointStore store(testing::scratch_dir());
  {
    CheckpointWriter writer(store, true);
    writer.save(1, write_text);
  }
  EXPECT_EQ(store.latest(), 1);
}

}  // namespace
}  // namespace slm
