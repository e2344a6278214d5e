#include "data/record_reader.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;
using Texts = std::vector<std::string>;

std::string gzip(const std::string& text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = uInt(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// Enough that every buffer is filled several times.
std::string long_text() {
  std::string text;
  for (uint32_t i = 0, x = 1; i < 200000; ++i)
    text += char('a' + ((x = x * 1664525 + 1013904223) >> 28));
  return text;
}

class Records : public ::testing::Test {
 protected:
  Texts read(const std::string& name, const std::string& bytes, TextUnit unit = TextUnit::kFile) {
    path_ = dir_ / name;
    write_file_atomically(path_, bytes);
    RecordReader reader(path_, unit);
    Texts out;
    lines_.clear();
    for (Record r; reader.next(r);) {
      out.push_back(r.text);
      lines_.push_back(r.line);
    }
    EXPECT_EQ(reader.consumed(), int64_t(bytes.size()));
    return out;
  }
  std::string refused(const std::string& name, const std::string& bytes) {
    std::string text = refusal([&] { read(name, bytes); });
    return text.starts_with(path_.string()) ? text.substr(path_.string().size()) : text;
  }

  std::filesystem::path dir_ = scratch_dir(), path_;
  std::vector<int64_t> lines_;
};

TEST_F(Records, OfTextFiles) {
  std::string text = "one\ntwo\r\n\n \nthree\n";
  EXPECT_EQ(read("a.txt", text), Texts{text});
  EXPECT_EQ(read("a.txt", ""), Texts{});
  EXPECT_EQ(read("a.txt", "\xef\xbb\xbfx"), Texts{"x"});
  EXPECT_EQ(read("a.txt", text, TextUnit::kLine), (Texts{"one", "two", "three"}));
  EXPECT_EQ(lines_, (std::vector<int64_t>{1, 2, 5}));
  EXPECT_EQ(read("a.txt", text, TextUnit::kParagraph), (Texts{"one\ntwo\n", "three\n"}));
  EXPECT_EQ(lines_, (std::vector<int64_t>{1, 5}));
  EXPECT_EQ(read("a.txt", "\n\nno end", TextUnit::kParagraph), Texts{"no end\n"});
}

TEST_F(Records, OfJsonLinesAndArrays) {
  EXPECT_EQ(read("a.jsonl", "{\"a\":1}\n\n{\"b\":2}"), (Texts{"{\"a\":1}", "{\"b\":2}"}));
  EXPECT_EQ(lines_, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(read("a.json", "[]"), Texts{});
  EXPECT_EQ(read("a.json", " \n[ ]\n"), Texts{});
  EXPECT_EQ(read("a.json", R"([{"a":"],}\"[\\"},[1,[2]], 3 ])"),
            (Texts{R"({"a":"],}\"[\\"})", "[1,[2]]", "3 "}));
  EXPECT_EQ(read("a.jsonl", "[\n{\"a\":1},\n\n{\"b\":2}\n]\n"),
            (Texts{"{\"a\":1}", "{\"b\":2}\n"}));
  EXPECT_EQ(lines_, (std::vector<int64_t>{2, 4}));
}

TEST_F(Records, OfCompressedFiles) {
  std::string text = long_text();
  EXPECT_EQ(read("a.txt.gz", gzip(text)), Texts{text});
  EXPECT_EQ(read("a.txt.zst", zstd(text)), Texts{text});
  EXPECT_EQ(read("a.txt.gz", gzip(text) + gzip("second member")), Texts{text + "second member"});
  EXPECT_EQ(read("a.txt.zst", zstd(text) + zstd("second frame")), Texts{text + "second frame"});
  EXPECT_EQ(read("a.jsonl.gz", gzip("{}\n{}")).size(), 2u);
  EXPECT_EQ(read("a.txt", gzip("misnamed")), Texts{"misnamed"});
  EXPECT_EQ(read("a.txt", text), Texts{text});
}

TEST_F(Records, RefuseDamage) {
  for (size_t cut : {size_t{3}, size_t{20}, gzip(long_text()).size() - 1})
    EXPECT_EQ(refused("a.txt.gz", gzip(long_text()).substr(0, cut)), ": the gzip data is cut off")
        << cut;
  for (size_t cut : {size_t{5}, size_t{20}, zstd(long_text()).size() - 1})
    EXPECT_EQ(refused("a.txt.zst", zstd(long_text()).substr(0, cut)), ": the zstd data is cut off")
        << cut;
  std::string bad = gzip(long_text());
  bad[bad.size() - 6] = char(bad[bad.size() - 6] ^ 1);  // checksum
  EXPECT_EQ(refused("a.txt.gz", bad), ": damaged gzip data");
  EXPECT_EQ(refused("a.json", "[1,2"), ": the JSON array is cut off");
  EXPECT_EQ(refused("a.json", "[1]\n2"), ":2: something follows the JSON array");
  EXPECT_EQ(
      refused("a.csv", ""),
      ": a text data set is named .parquet, or .txt, .md, .json or .jsonl with or without .gz or "
      ".zst");
  EXPECT_EQ(refusal([&] { RecordReader(dir_ / "none.txt", TextUnit::kFile); }),
            (dir_ / "none.txt").string() + ": cannot open: No such file or directory");
}

TEST_F(Records, OfADirectory) {
  for (const char* name : {"b.txt", "a.jsonl.gz", "notes.md", "c.json"})
    write_file_atomically(dir_ / name, "");
  EXPECT_EQ(expand_inputs({dir_, "x"}),
            (std::vector<std::filesystem::path>{dir_ / "a.jsonl.gz", dir_ / "b.txt",
                                                dir_ / "c.json", "x"}));
  std::filesystem::create_directory(dir_ / "empty");
  EXPECT_EQ(refusal([&] { expand_inputs({dir_ / "empty"}); }),
            (dir_ / "empty").string() + ": no .txt, .json, .jsonl or .parquet files here");
}

}  // namespace
}  // namespace slm
