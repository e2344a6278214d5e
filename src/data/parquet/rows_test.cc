#include "data/parquet/rows.h"

#include <gtest/gtest.h>

#include "data/parquet/codecs.h"
#include "data/record_reader.h"
#include "support/refusal.h"
#include "support/test_data.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

using testing::fixture;
using testing::refusal;

const char* const kFiles[] = {"plain_v1", "snappy_v1",     "snappy_2level",
                              "gzip_v2",  "zstd_delta_v2", "lz4_delta_v1"};

std::filesystem::path file(const std::string& name) {
  return fixture("parquet") / (name + ".parquet");
}

std::vector<Json> expected_rows() {
  std::vector<Json> rows;
  RecordReader reader(fixture("parquet/rows.jsonl"));
  for (Record r; reader.next(r);) rows.push_back(parse_json(r.text, "rows.jsonl"));
  return rows;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(Parquet, EveryEncodingAndCompressionGivesTheSameRows) {
  auto expected = expected_rows();
  ASSERT_EQ(expected.size(), 24u);
  for (const char* name : kFiles) {
    RecordReader reader(file(name));
    size_t count = 0;
    for (Record r; reader.next(r); ++count) {
      ASSERT_LT(count, expected.size()) << name;
      EXPECT_TRUE(r.json);
      EXPECT_EQ(r.line, int64_t(count) + 1);
      EXPECT_EQ(parse_json(r.text, name), expected[count]) << name << " row " << r.line;
    }
    EXPECT_EQ(count, expected.size()) << name;
    EXPECT_EQ(reader.consumed(), int64_t(std::filesystem::file_size(file(name))));
  }
}

TEST(Parquet, ReadsOnlyTheColumnsThatAreAskedFor) {
  auto expected = expected_rows();
  const std::vector<std::string> columns{"choices", "text"};
  RecordReader reader(file("snappy_v1"), TextUnit::kFile, columns);
  Record r;
  ASSERT_TRUE(reader.next(r));
  Json wanted{{"text", expected[0]["text"]}, {"choices", expected[0]["choices"]}};
  EXPECT_EQ(parse_json(r.text, "row"), wanted);
  const std::vector<std::string> wrong{"texts"};
  std::string message = refusal([&] { RecordReader(file("snappy_v1"), TextUnit::kFile, wrong); });
  EXPECT_NE(message.find("no column \"texts\", did you mean \"text\"?"), std::string::npos)
      << message;
}

TEST(Parquet, RefusesWhatIsNoParquetFile) {
  auto refused = [](const std::string& bytes) {
    return refusal([&] { ParquetRows(bytes_of(bytes), "x"); });
  };
  EXPECT_EQ(refused("PAR1"), "x: 4 bytes are too few for a Parquet file");
  EXPECT_EQ(refused("PAR1 and no end"), "x: not a Parquet file, or cut off (no PAR1 at its end)");
  EXPECT_EQ(refused(std::string("PAR1\x7f\0\0\0PAR1", 12)),
            "x: a footer of 127 bytes in a file of 12");
  EXPECT_EQ(refused(std::string("PAR1\0\0\0\0PARE", 12)), "x: an encrypted Parquet file");
}

// Whatever a damaged file makes of itself, it ends in rows or in an error that names it.
TEST(Parquet, DamageNeverGoesFurther) {
  for (const char* name : kFiles) {
    std::string good = read_file(file(name));
    int refused = 0;
    for (size_t at = 4; at < good.size(); at += 41) {
      std::string bad = good;
      bad[at] = char(bad[at] ^ (1 << (at % 8)));
      try {
        ParquetRows rows(bytes_of(bad), "damaged.parquet");
        std::string row;
        for (int i = 0; i < 100 && rows.next(row);) ++i;
      } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find("damaged.parquet"), std::string::npos) << e.what();
        ++refused;
      }
    }
    EXPECT_GT(refused, 0) << name;
  }
}

TEST(Parquet, SnappyBlocks) {
  auto unpack = [](const std::string& in, size_t size) {
    std::string out;
    decompress_snappy(bytes_of(in), size, out, "x");
    return out;
  };
  // "ab", then 6 bytes from 2 back (a copy of the short kind), then 3 from 8 back (the long kind).
  std::string block(
      "\x0b\x04"
      "ab"
      "\x09\x02"
      "\x0a\x08\x00",
      9);
  EXPECT_EQ(unpack(block, 11),
            "ababababab"
            "a");
  std::string damaged = "x: damaged snappy data in a page";
  EXPECT_EQ(refusal([&] { unpack(block, 12); }), damaged);
  EXPECT_EQ(refusal([&] { unpack(std::string("\x04\x0a\x08\x00", 4), 4); }), damaged);
  EXPECT_EQ(refusal([&] {
              unpack(std::string("\x02\x08"
                                 "abc",
                                 5),
                     2);
            }),
            damaged);
}

TEST(Parquet, CompressionsThatAreNotReadAreNamed) {
  std::string bytes = "x";
  EXPECT_NE(refusal([&] { decompress_page(4, bytes_of(bytes), 1, "x"); }).find("brotli"),
            std::string::npos);
  EXPECT_EQ(refusal([&] { decompress_page(6, bytes_of(bytes), 1 << 20, "x"); }),
            "x: a page of 1048576 bytes compressed by zstd to 1");
}

}  // namespace
}  // namespace slm
