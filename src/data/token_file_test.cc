#include "data/token_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/format.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2)
    out += char(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

// Documents [5, 6, 0] and [7, 0] as u16.
const std::string kIdx = from_hex(
    "4d4d49444944580000"
    "0100000000000000"
    "08"
    "0200000000000000"
    "0300000000000000"
    "0300000002000000"
    "00000000000000000600000000000000"
    "000000000000000001000000000000000200000000000000");
const std::string kBin = from_hex("05000600000007000000");

std::vector<int32_t> document(const TokenFile& file, int64_t d) {
  std::vector<int32_t> out(size_t(file.length(d)));
  file.read(d, 0, out);
  return out;
}

std::string refusal_of(std::string idx) {
  return refusal([&] { parse_token_index(std::as_bytes(std::span(idx)), "f"); });
}

template <class T>
std::string with(std::string bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
  return bytes;
}

TEST(TokenFile, WritesTheDocumentedBytes) {
  auto prefix = scratch_dir() / "t";
  TokenFileWriter writer(prefix, TokenType::kU16);
  writer.add(std::vector<int32_t>{5, 6, 0});
  writer.add(std::vector<int32_t>{7, 0});
  EXPECT_FALSE(std::filesystem::exists(prefix.string() + ".bin"));
  writer.commit();
  EXPECT_EQ(read_file(prefix.string() + ".idx"), kIdx);
  EXPECT_EQ(read_file(prefix.string() + ".bin"), kBin);
}

TEST(TokenFile, ReadsTheDocumentedBytes) {
  auto prefix = scratch_dir() / "t";
  write_file_atomically(prefix.string() + ".idx", kIdx);
  write_file_atomically(prefix.string() + ".bin", kBin);
  for (const char* spelling : {"", ".bin", ".idx"}) {
    TokenFile file(prefix.string() + spelling);
    EXPECT_EQ(file.documents(), 2);
    EXPECT_EQ(file.tokens(), 5);
    EXPECT_EQ(document(file, 0), (std::vector<int32_t>{5, 6, 0}));
    EXPECT_EQ(document(file, 1), (std::vector<int32_t>{7, 0}));
  }
  TokenFile file(prefix);
  std::vector<int32_t> two(2);
  file.read(0, 1, two);
  EXPECT_EQ(two, (std::vector<int32_t>{6, 0}));
  EXPECT_EQ(refusal([&] { file.read(0, 2, two); }),
            "[tokens] 2 tokens from 2 of document 0, which has 3");
  EXPECT_EQ(refusal([&] { file.length(2); }), "[tokens] document 2 of 2");
}

TEST(TokenFile, RoundTripsEveryTypeAndManyDocuments) {
  auto dir = scratch_dir();
  for (auto kind : {std::pair(TokenType::kU8, 255),
                    {TokenType::kI8, 127},
                    {TokenType::kI16, 32767},
                    {TokenType::kU16, 65535},
                    {TokenType::kI32, INT32_MAX},
                    {TokenType::kI64, INT32_MAX}}) {
    TokenType type = kind.first;
    int32_t most = kind.second;
    auto prefix = dir / format("t{}", int(type));
    TokenFileWriter writer(prefix, type);
    std::vector<std::vector<int32_t>> documents(300);
    for (size_t i = 0; i < documents.size(); ++i) {
      for (size_t j = 0; j < i % 7; ++j) documents[i].push_back(int32_t(i * 31 + j) % 100);
      if (i % 7 == 6) documents[i].push_back(most);
      writer.add(documents[i]);
    }
    writer.commit();
    TokenFile file(prefix);
    ASSERT_EQ(file.documents(), 300);
    EXPECT_EQ(file.tokens(), writer.tokens());
    for (size_t i = 0; i < documents.size(); ++i)
      EXPECT_EQ(document(file, int64_t(i)), documents[i]);
    if (most < INT32_MAX) {
      EXPECT_EQ(refusal([&] { writer.add(std::vector<int32_t>{most + 1}); }),
                format("[tokens] the id {} does not fit in 0..{}", most + 1, most));
    }
    EXPECT_EQ(refusal([&] { writer.add(std::vector<int32_t>{-1}); }),
              format("[tokens] the id -1 does not fit in 0..{}", most));
  }
}

TEST(TokenFile, ChoosesTheTypeLikeTheOriginalTools) {
  EXPECT_EQ(token_type_for(50277), TokenType::kU16);
  EXPECT_EQ(token_type_for(65499), TokenType::kU16);
  EXPECT_EQ(token_type_for(65500), TokenType::kI32);
  EXPECT_EQ(token_type_for(100289), TokenType::kI32);
}

TEST(TokenFile, LeavesNothingBehindWhenAbandoned) {
  auto dir = scratch_dir();
  { TokenFileWriter(dir / "t", TokenType::kU16).add(std::vector<int32_t>{1}); }
  EXPECT_TRUE(std::filesystem::is_empty(dir));
}

TEST(TokenFile, RefusesABinOfAnotherLength) {
  auto prefix = scratch_dir() / "t";
  write_file_atomically(prefix.string() + ".idx", kIdx);
  write_file_atomically(prefix.string() + ".bin", kBin + "x");
  EXPECT_EQ(refusal([&] { TokenFile{prefix}; }),
            prefix.string() + ".bin: 11 bytes, but its index speaks of 5 tokens, 10 bytes");
  std::filesystem::remove(prefix.string() + ".bin");
  EXPECT_EQ(refusal([&] { TokenFile{prefix}; }),
            prefix.string() + ".bin: cannot open: No such file or directory");
}

TEST(TokenFile, RefusesIdsThatAreNone) {
  auto prefix = scratch_dir() / "t";
  write_file_atomically(prefix.string() + ".idx", with(kIdx, 17, uint8_t(TokenType::kI16)));
  write_file_atomically(prefix.string() + ".bin", from_hex("0500ffff000007000000"));
  TokenFile file(prefix);
  EXPECT_EQ(document(file, 1), (std::vector<int32_t>{7, 0}));
  EXPECT_EQ(refusal([&] { document(file, 0); }),
            prefix.string() + ".bin: document 0 holds an id outside 0..2147483647");
}

TEST(TokenIndex, AcceptsModesAtTheEnd) {
  EXPECT_EQ(refusal_of(kIdx + std::string(2, '\0')), "no error");
}

TEST(TokenIndex, RefusesHeadersThatLie) {
  EXPECT_EQ(refusal_of(std::string("TNTIDX\0\0", 8) + kIdx),
            "f: a legacy TNTIDX index; prepare the data again in the mmap format");
  EXPECT_EQ(refusal_of("XMIDIDX\0\0" + kIdx), "f: not a token index (MMIDIDX)");
  EXPECT_EQ(refusal_of(""), "f: ends at byte 0, inside the magic");
  EXPECT_EQ(refusal_of(with(kIdx, 9, uint64_t{2})),
            "f: version 2 of the token index; only 1 is known");
  for (uint8_t code : {0, 6, 7, 9, 255})
    EXPECT_EQ(refusal_of(with(kIdx, 17, code)),
              format("f: element type code {}; token ids have 1 (u8), 2 (i8), 3 (i16), 4 (i32), 5 "
                     "(i64) or 8 (u16)",
                     code));
  for (uint64_t items : {uint64_t{5}, uint64_t{1} << 62, ~uint64_t{0}})
    EXPECT_EQ(
        refusal_of(with(kIdx, 18, items)),
        format("f: {} items and 3 document index entries do not fit a file of 82 bytes", items));
  for (uint64_t entries : {uint64_t{0}, uint64_t{7}, ~uint64_t{0}})
    EXPECT_EQ(
        refusal_of(with(kIdx, 26, entries)),
        format("f: 2 items and {} document index entries do not fit a file of 82 bytes", entries));
  EXPECT_EQ(refusal_of(with(kIdx, 26, uint64_t{2})), "f: 8 bytes are left over at the end");
  EXPECT_EQ(refusal_of(with(kIdx, 26, uint64_t{4})),
            "f: ends at byte 82, inside the document index");
  EXPECT_EQ(refusal_of(kIdx + "x"), "f: 1 bytes are left over at the end");
}

TEST(TokenIndex, RefusesArraysThatLie) {
  EXPECT_EQ(refusal_of(with(kIdx, 34, int32_t{-3})), "f: document 0 has the length -3");
  EXPECT_EQ(refusal_of(with(kIdx, 34, int32_t{4})), "f: document 1 begins at byte 6, expected 8");
  EXPECT_EQ(refusal_of(with(kIdx, 42, int64_t{2})), "f: document 0 begins at byte 2, expected 0");
  EXPECT_EQ(refusal_of(with(kIdx, 50, int64_t{-6})), "f: document 1 begins at byte -6, expected 6");
  EXPECT_EQ(refusal_of(with(kIdx, 58, int64_t{1})),
            "f: entry 0 of the document index is 1, after 0, of 2 items");
  EXPECT_EQ(refusal_of(with(kIdx, 66, int64_t{3})),
            "f: entry 1 of the document index is 3, after 0, of 2 items");
  EXPECT_EQ(refusal_of(with(kIdx, 74, int64_t{0})),
            "f: entry 2 of the document index is 0, after 1, of 2 items");
  EXPECT_EQ(refusal_of(with(kIdx, 74, int64_t{1})), "f: the document index ends at item 1 of 2");
}

TEST(TokenIndex, RefusesEveryTruncation) {
  for (size_t n = 0; n < kIdx.size(); ++n)
    EXPECT_NE(refusal_of(kIdx.substr(0, n)), "no error") << n;
}

}  // namespace
}  // namespace slm
