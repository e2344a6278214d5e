#include "util/checksum.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

// The value the xxHash project publishes for no bytes at all, and streaming in pieces.
TEST(Checksum, IsXxh3OfAStream) {
  EXPECT_EQ(checksum_of(""), "99aa06d3014798d86001c324468d497f");
  std::string text(3000, 'x');
  text[1234] = 'y';
  Checksum sum;
  for (size_t at = 0; at < text.size(); at += 700)
    sum.update(std::as_bytes(std::span(text).subspan(at, std::min<size_t>(700, 3000 - at))));
  EXPECT_EQ(sum.hex(), checksum_of(text));
}

TEST(Checksum, OfAFileAndItsRangesInOnePass) {
  auto path = testing::scratch_dir() / "file";
  std::string text((3 << 20) + 17, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = char(i * 7 + i / 1000);
  write_file_atomically(path, text);
  int64_t size = int64_t(text.size());
  std::vector<ByteRange> ranges{{0, 10}, {10, 10}, {100, 2 << 20}, {2 << 20, size}, {size, size}};
  int64_t read = 0;
  FileChecksums sums = checksum_file(path, ranges, [&](int64_t n) { read += n; });
  EXPECT_EQ(sums.bytes, size);
  EXPECT_EQ(read, size);
  EXPECT_EQ(sums.whole, checksum_of(text));
  for (size_t i = 0; i < ranges.size(); ++i)
    EXPECT_EQ(sums.ranges[i],
              checksum_of(std::string_view(text).substr(size_t(ranges[i].begin),
                                                        size_t(ranges[i].end - ranges[i].begin))))
        << i;
}

TEST(Checksum, NamesTheFileThatCannotBeRead) {
  auto path = testing::scratch_dir() / "missing";
  EXPECT_NE(testing::refusal([&] { checksum_file(path, {}); }).find("missing: cannot open"),
            std::string::npos);
}

}  // namespace
}  // namespace slm
