#include "eval/scoring/score_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "support/scratch_dir.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

class ScoreCacheFile : public ::testing::Test {
 protected:
  ScoreCache open(const std::string& model = "m", int rank = 0) {
    said.clear();
    return ScoreCache(file, model, rank, [this](const std::string& s) { said += s + "\n"; });
  }
  void fill(int count, int rank = 0) {
    ScoreCache cache = open("m", rank);
    for (int i = 0; i < count; ++i)
      cache.add("key" + std::to_string(i + 100 * rank), {-0.1 * i - 1e-17, i % 2 == 0});
    cache.flush();
  }

  std::filesystem::path file = testing::scratch_dir() / "out" / "results.json.cache";
  std::string said;
};

TEST_F(ScoreCacheFile, KeepsScoresExactly) {
  {
    ScoreCache cache = open();
    EXPECT_EQ(cache.size(), 0u);
    cache.add("a", {-12.345678901234567, true});
    cache.add("b", {0, false, "text\nwith \"quotes\" and \xc3\xa9"});
    cache.add("nan", {std::numeric_limits<double>::quiet_NaN(), false});
    cache.flush();
    cache.add("not flushed", {-1, false});
  }
  ScoreCache cache = open();
  EXPECT_EQ(said, "");
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.find("a")->log_likelihood, -12.345678901234567);
  EXPECT_TRUE(cache.find("a")->greedy);
  EXPECT_EQ(cache.find("b")->text, "text\nwith \"quotes\" and \xc3\xa9");
  EXPECT_FALSE(cache.find("nan"));
}

TEST_F(ScoreCacheFile, EveryTruncationKeepsTheWholeLines) {
  fill(3);
  std::string whole = read_file(file);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, size);
    size_t lines = size_t(std::count(whole.begin(), whole.begin() + int64_t(size), '\n'));
    // a last line that lacks only its newline is whole
    if (whole[size] == '\n') ++lines;
    ScoreCache cache = open();
    EXPECT_EQ(cache.size(), lines > 0 ? lines - 1 : 0) << size;
    std::filesystem::remove(std::filesystem::path(file) += ".old");
  }
  write_file_atomically(file, whole.substr(0, whole.size() - 5));
  {
    ScoreCache cache = open();
    EXPECT_NE(said.find("1 of 4 lines"), std::string::npos) << said;
    cache.add("key2", {-7, false});
    cache.flush();
  }
  EXPECT_EQ(open().find("key2")->log_likelihood, -7);
}

TEST_F(ScoreCacheFile, DamagedLinesAreLeftOut) {
  fill(3);
  std::string text = read_file(file);
  text[text.find("key1") + 3] = '7';
  write_file_atomically(file, text);
  ScoreCache cache = open();
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_FALSE(cache.find("key1"));
  EXPECT_FALSE(cache.find("key7"));
  EXPECT_NE(said.find("damaged"), std::string::npos) << said;
}

TEST_F(ScoreCacheFile, ScoresOfAnotherModelAreSetAside) {
  fill(2);
  std::string text = read_file(file);
  EXPECT_EQ(open("another").size(), 0u);
  EXPECT_NE(said.find("another model"), std::string::npos) << said;
  EXPECT_EQ(read_file(std::filesystem::path(file) += ".old"), text);
}

TEST_F(ScoreCacheFile, RanksReadEachOther) {
  fill(2);
  fill(3, 1);
  EXPECT_EQ(open("m", 0).size(), 5u);
  EXPECT_EQ(open("m", 2).size(), 5u);
}

TEST_F(ScoreCacheFile, OneWriterAtATime) {
  ScoreCache first = open();
  EXPECT_THROW(open(), Error);
}

TEST(RequestKey, TellsApartWhatIsAsked) {
  Request a{.context = "ab", .continuation = "c"}, b = a;
  b.task = 3, b.doc_id = 8, b.idx = 1;
  EXPECT_EQ(request_key(a), request_key(b));
  b.context = "a", b.continuation = "bc";
  EXPECT_NE(request_key(a), request_key(b));
  b = a;
  b.kind = Request::Kind::kRolling;
  EXPECT_NE(request_key(a), request_key(b));
}

}  // namespace
}  // namespace slm
