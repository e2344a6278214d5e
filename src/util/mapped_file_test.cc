#include "util/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

#include "support/scratch_dir.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

std::filesystem::path scratch(const std::string& name) { return testing::scratch_root() / name; }

std::string refusal(const std::filesystem::path& path) {
  try {
    MappedFile::open(path);
  } catch (const Error& e) {
    return e.what();
  }
  return "opened";
}

TEST(MappedFile, ShowsTheBytesOfAFileAndOutlivesItsName) {
  auto path = scratch("mapped_bytes");
  write_file_atomically(path, "seven bytes");
  auto file = MappedFile::open(path);
  std::filesystem::remove(path);
  std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  EXPECT_EQ(text, "seven bytes");
  EXPECT_EQ(file->path(), path);
}

TEST(MappedFile, MapsAnEmptyFileToNoBytes) {
  auto path = scratch("mapped_empty");
  write_file_atomically(path, "");
  EXPECT_TRUE(MappedFile::open(path)->bytes().empty());
}

TEST(MappedFile, RefusesWhatIsNotARegularFile) {
  auto fifo = scratch("mapped_fifo");
  std::filesystem::remove(fifo);
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refusal(fifo), fifo.string() + ": not a regular file");
  std::string folder = testing::scratch_root();
  EXPECT_EQ(refusal(folder), folder + ": not a regular file");
  auto absent = scratch("mapped_absent");
  EXPECT_EQ(refusal(absent), absent.string() + ": cannot open: No such file or directory");
}

int64_t resident_kib() {
  std::ifstream status("/proc/self/smaps_rollup");
  std::string word;
  while (status >> word && word != "Rss:") {
  }
  int64_t kib = 0;
  status >> kib;
  return kib;
}

TEST(MappedFile, ReleasedPagesLeaveMemoryAndReadTheSameAgain) {
  auto path = testing::scratch_dir() / "pages";
  write_file_atomically(path, std::string(1 << 20, 'x') + "end");
  auto file = MappedFile::open(path);
  auto count = [&] {
    return std::count(file->bytes().begin(), file->bytes().end(), std::byte{'x'});
  };
  EXPECT_EQ(count(), 1 << 20);
  int64_t before = resident_kib();
  file->release_pages();
  EXPECT_LT(resident_kib(), before - 512);
  EXPECT_EQ(count(), 1 << 20);
  before = resident_kib();
  file->release_pages(file->bytes().subspan(1, 5000));  // no whole page
  EXPECT_GT(resident_kib(), before - 512);
  file->release_pages(file->bytes().subspan(100000, 800000));
  EXPECT_LT(resident_kib(), before - 512);
  EXPECT_EQ(count(), 1 << 20);
}

}  // namespace
}  // namespace slm
