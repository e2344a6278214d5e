#include "format/zip.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/zip_builder.h"

namespace slm {
namespace {

using testing::little_endian;
using testing::refusal;
using testing::ZipBuilder;

auto read(const std::string& file) {
  return read_zip_directory(std::as_bytes(std::span(file.data(), file.size())), "f");
}

std::string refusal_of(const std::string& file) {
  return refusal([&] { read(file); });
}

std::string refusal_of(ZipBuilder::Member member) {
  ZipBuilder zip;
  zip.add(std::move(member));
  return refusal_of(zip.build());
}

ZipBuilder two_entries() {
  ZipBuilder zip;
  zip.add({.name = "x/a", .contents = "alpha", .local_extra = std::string(7, 'p')});
  zip.add("x/b", "");
  return zip;
}

void expect_two_entries(const std::string& file) {
  auto entries = read(file);
  ASSERT_EQ(entries.size(), 2u);
  ZipEntry a = entries.find("x/a")->second;
  EXPECT_EQ(file.substr(size_t(a.offset), size_t(a.size)), "alpha");
  EXPECT_EQ(entries.find("x/b")->second.size, 0);
}

TEST(Zip, FindsContentsBehindTheLocalHeader) { expect_two_entries(two_entries().build()); }

TEST(Zip, ReadsAZip64Directory) { expect_two_entries(two_entries().build(true)); }

TEST(Zip, LooksPastAComment) {
  expect_two_entries(two_entries().build(false, "a comment with PK\x05\x06 in it"));
}

TEST(Zip, ReadsZip64Sizes) {
  ZipBuilder zip;
  zip.add({.name = "x/a",
           .contents = "alpha",
           .packed = 0xffffffff,
           .size = 0xffffffff,
           .central_extra = little_endian(uint16_t{0x5455}) + little_endian(uint16_t{1}) + "t" +
                            little_endian(uint16_t{1}) + little_endian(uint16_t{16}) +
                            little_endian(uint64_t{5}) + little_endian(uint64_t{5})});
  zip.add("x/b", "");
  expect_two_entries(zip.build());
}

TEST(Zip, RefusesWhatItDoesNotRead) {
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .method = 8}),
            "f: \"a\" is compressed (method 8); only stored entries are read");
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .flags = 1}), "f: \"a\" is encrypted");
}

TEST(Zip, RefusesLies) {
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .size = 1000}),
            "f: \"a\" is stored with 1 bytes but claims 1000");
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .packed = 1000}),
            "f: \"a\" has 1000 bytes, 70 are left in the file");
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .local_offset = 7}),
            "f: no entry at byte 7 for \"a\"");
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .local_offset = 700}),
            "f: \"a\" would lie at byte 700 of 101");
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .central_name = "b"}),
            "f: the entry at byte 0 is not named \"b\"");
  EXPECT_EQ(refusal_of({.name = "a", .contents = "x", .packed = 0xffffffff, .size = 0xffffffff}),
            "f: \"a\" has no ZIP64 sizes");
  EXPECT_EQ(refusal_of({.name = "a",
                        .contents = "x",
                        .packed = 0xffffffff,
                        .size = 0xffffffff,
                        .central_extra =
                            little_endian(uint16_t{1}) + little_endian(uint16_t{4}) + "1234"}),
            "f: extra field of \"a\": ends at byte 4, inside the ZIP64 block");
  ZipBuilder twice;
  twice.add("a", "x");
  twice.add("a", "y");
  EXPECT_EQ(refusal_of(twice.build()), "f: \"a\" appears twice in the archive");
}

TEST(Zip, RefusesABrokenDirectory) {
  EXPECT_EQ(refusal_of(""), "f: no zip directory at the end; the file is truncated");
  EXPECT_EQ(refusal_of(std::string(100000, 'x')),
            "f: no zip directory at the end; the file is truncated");
  std::string file = two_entries().build();
  std::string far = file;
  far[far.size() - 4] = '\x7f';  // directory offset
  EXPECT_NE(refusal_of(far).find("does not fit the file of"), std::string::npos) << refusal_of(far);
  std::string many = file;
  many[many.size() - 12] = 3;  // entries
  EXPECT_NE(refusal_of(many).find("inside the zip directory"), std::string::npos)
      << refusal_of(many);
  std::string disks = file;
  disks[disks.size() - 18] = 1;
  EXPECT_EQ(refusal_of(disks), "f: an archive over several disks");
  std::string wide = two_entries().build(true);
  wide[wide.size() - 22 - 20] = 'x';
  EXPECT_EQ(refusal_of(wide), "f: the ZIP64 locator is missing");
  std::string bad = two_entries().build(true);
  bad[bad.size() - 22 - 20 - 56] = 'x';
  EXPECT_NE(refusal_of(bad).find("no ZIP64 record at byte"), std::string::npos) << refusal_of(bad);
}

TEST(Zip, RefusesEveryTruncation) {
  for (bool zip64 : {false, true}) {
    std::string file = two_entries().build(zip64);
    for (size_t n = 0; n < file.size(); ++n) {
      std::string part = file.substr(0, n);
      EXPECT_NE(refusal_of(part), "no error") << n;
    }
  }
}

}  // namespace
}  // namespace slm
