#include "train/event_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

TEST(EventFile, ChecksumsAreThoseOfRfc3720) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
}

template <class T>
T number_at(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// The messages of a file, each with its two checksums verified.
std::vector<std::string> records(const std::string& bytes) {
  std::vector<std::string> out;
  auto masked = [](std::string_view of) {
    uint32_t c = crc32c(of);
    return (c >> 15 | c << 17) + 0xa282ead8u;
  };
  for (size_t at = 0; at < bytes.size();) {
    auto length = number_at<uint64_t>(bytes, at);
    EXPECT_EQ(number_at<uint32_t>(bytes, at + 8), masked(bytes.substr(at, 8)));
    out.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(number_at<uint32_t>(bytes, at + 12 + length), masked(out.back()));
    at += 16 + length;
  }
  return out;
}

TEST(EventFile, ARecordPerStepAfterTheVersion) {
  EventFile file(testing::scratch_dir() / "events", 0);
  file.write(300, std::vector<Scalar>{{"train/loss", 2.5}, {"lr", -1}});
  auto all = records(read_file(file.path()));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find("brain.Event:2"), std::string::npos);
  // field 2 (step): varint 300; field 5 (summary): of 17 + 9 bytes and a two-byte head each
  std::string loss("\x0a\x11\x0a\x0atrain/loss\x15\0\0\x20\x40", 19),
      lr("\x0a\x09\x0a\x02lr\x15\0\0\x80\xbf", 11);
  EXPECT_EQ(all[1].substr(9), "\x10\xac\x02\x2a\x1e" + loss + lr);
}

TEST(EventFile, AResumedRunVoidsWhatWasLost) {
  auto directory = testing::scratch_dir();
  EventFile first(directory, 0), second(directory, 20);
  EXPECT_NE(first.path(), second.path());
  auto all = records(read_file(second.path()));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].substr(9), std::string("\x10\x15\x3a\x02\x08\x01", 6));  // step 21, START
}

}  // namespace
}  // namespace slm
