#include "data/sampling.h"

#include <gtest/gtest.h>

#include <numeric>

#include "data/legacy_shuffle.h"
#include "data/mixture.h"
#include "data/sample_stream.h"
#include "data/splits.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;
using Ids = std::vector<int32_t>;

std::filesystem::path write_documents(const std::vector<Ids>& documents,
                                      const std::string& name = "t") {
  auto prefix = (name == "t" ? scratch_dir() : testing::scratch_root()) / name;
  TokenFileWriter writer(prefix, TokenType::kU16);
  for (const Ids& d : documents) writer.add(d);
  writer.commit();
  return prefix;
}

const std::vector<Ids> kThree{{10, 11, 0}, {20, 0}, {30, 31, 32, 0}};

Ids sample(const SampleOrder& order, const TokenFile& file, int64_t i, int64_t seq_length) {
  Ids out(size_t(seq_length) + 1);
  order.read(file, i, out);
  return out;
}

Ids documents_of(const SampleOrder& order) {
  return {order.document_order().begin(), order.document_order().end()};
}

std::vector<uint32_t> shuffle_of(const SampleOrder& order) {
  return {order.shuffle().begin(), order.shuffle().end()};
}

std::vector<std::pair<int64_t, int64_t>> starts(const SampleOrder& order) {
  std::vector<std::pair<int64_t, int64_t>> out;
  for (auto s : order.starts()) out.emplace_back(s.position, s.offset);
  return out;
}

TEST(LegacyShuffler, MatchesNumPy) {
  struct Case {
    uint32_t seed;
    std::vector<int> first, second;
  };
  for (const Case& c :
       {Case{0, {2, 8, 4, 9, 1, 6, 7, 3, 0, 5}, {3, 5, 1, 2, 9, 8, 0, 6, 7, 4}},
        Case{1234, {7, 2, 9, 1, 0, 8, 4, 5, 6, 3}, {7, 3, 5, 1, 4, 8, 0, 2, 6, 9}},
        Case{2345678926, {6, 3, 4, 9, 0, 1, 5, 8, 7, 2}, {9, 2, 7, 3, 5, 4, 8, 0, 1, 6}}}) {
    LegacyShuffler shuffler(c.seed);
    std::vector<int> x(10), y(10);
    std::iota(x.begin(), x.end(), 0);
    y = x;
    shuffler.shuffle(std::span(x));
    shuffler.shuffle(std::span(y));
    EXPECT_EQ(x, c.first);
    EXPECT_EQ(y, c.second);
  }
}

TEST(LegacyShuffler, DrawsTwoWordsForWideRangesAndNoneForZero) {
  LegacyShuffler a(5), b(5);
  EXPECT_EQ(a.bounded(0), 0u);
  uint64_t high = b.bounded(0xffffffff), low = b.bounded(0xffffffff);
  EXPECT_EQ(a.bounded(~uint64_t{0}), high << 32 | low);
}

TEST(SampleOrder, MatchesTheOriginalInOneEpoch) {
  TokenFile file(write_documents(kThree));
  SampleOrder order(file, {0, 3, 2, 4, 1234, EpochShuffle::kNeox});
  EXPECT_EQ(order.epochs(), 1);
  EXPECT_EQ(documents_of(order), (Ids{0, 1, 2}));
  EXPECT_EQ(starts(order),
            (std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {0, 2}, {1, 1}, {2, 1}, {2, 3}}));
  EXPECT_EQ(shuffle_of(order), (std::vector<uint32_t>{1, 2, 3, 0}));
  EXPECT_EQ(sample(order, file, 0, 2), (Ids{0, 20, 0}));
  EXPECT_EQ(sample(order, file, 1, 2), (Ids{0, 30, 31}));
  EXPECT_EQ(sample(order, file, 2, 2), (Ids{31, 32, 0}));
  EXPECT_EQ(sample(order, file, 3, 2), (Ids{10, 11, 0}));
  EXPECT_EQ(sample(order, file, 4, 2), (Ids{0, 20, 0}));  // starts over
}

TEST(SampleOrder, MatchesTheOriginalOverThreeEpochs) {
  TokenFile file(write_documents(kThree));
  SampleOrder order(file, {0, 3, 2, 9, 1234, EpochShuffle::kNeox});
  EXPECT_EQ(order.epochs(), 3);
  EXPECT_EQ(documents_of(order), (Ids{2, 2, 1, 0, 1, 1, 2, 0, 0}));
  EXPECT_EQ(starts(order), (std::vector<std::pair<int64_t, int64_t>>{{0, 0},
                                                                     {0, 2},
                                                                     {1, 0},
                                                                     {1, 2},
                                                                     {2, 0},
                                                                     {3, 0},
                                                                     {3, 2},
                                                                     {4, 1},
                                                                     {5, 1},
                                                                     {6, 1},
                                                                     {6, 3},
                                                                     {7, 1},
                                                                     {8, 0},
                                                                     {8, 2}}));
  EXPECT_EQ(shuffle_of(order), (std::vector<uint32_t>{3, 10, 2, 12, 11, 5, 4, 0, 8, 6, 9, 7, 1}));
}

TEST(SampleOrder, OtherModesKeepEpochsApart) {
  std::vector<Ids> documents;
  for (int i = 0; i < 40; ++i) documents.push_back({i, i, i, 100});
  TokenFile file(write_documents(documents));  // 160 tokens an epoch, 53 samples of 3
  SampleOrder per_epoch(file, {0, 40, 3, 120, 7, EpochShuffle::kPerEpoch});
  EXPECT_EQ(per_epoch.epochs(), 3);
  for (int e = 0; e < 3; ++e) {
    Ids epoch(per_epoch.document_order().begin() + 40 * e,
              per_epoch.document_order().begin() + 40 * (e + 1));
    std::sort(epoch.begin(), epoch.end());
    for (int i = 0; i < 40; ++i) EXPECT_EQ(epoch[size_t(i)], i);
  }
  for (int64_t i = 0; i < 53; ++i) EXPECT_LT(per_epoch.shuffle()[size_t(i)], 53u);
  // 120 - 106 = 14 samples of the third epoch are less than 80 % of 53: it stands apart.
  SampleOrder megatron(file, {0, 40, 3, 120, 7, EpochShuffle::kMegatron});
  Ids last(megatron.document_order().begin() + 80, megatron.document_order().end());
  std::sort(last.begin(), last.end());
  EXPECT_EQ(last[39], 39);
  EXPECT_EQ(last[0], 0);
  for (int64_t i = 0; i < 106; ++i) EXPECT_LT(megatron.shuffle()[size_t(i)], 106u);
  // 159 - 106 = 53 are not: all epochs together, as in the default.
  SampleOrder whole(file, {0, 40, 3, 159, 7, EpochShuffle::kMegatron});
  SampleOrder neox(file, {0, 40, 3, 159, 7, EpochShuffle::kNeox});
  EXPECT_EQ(documents_of(whole), documents_of(neox));
  EXPECT_EQ(shuffle_of(whole), shuffle_of(neox));
}

TEST(SampleOrder, EveryTokenIsATargetOncePerEpoch) {
  std::vector<Ids> documents;
  for (int32_t i = 0, id = 0; i < 50; ++i) {
    documents.emplace_back();
    for (int j = 0; j < i % 9; ++j) documents.back().push_back(id++);  // empty documents too
  }
  TokenFile file(write_documents(documents));
  for (int64_t seq_length : {1, 2, 5, 64, 150}) {
    SampleOrder order(file, {0, 50, seq_length, 1, 3, EpochShuffle::kNeox});
    std::vector<int> seen(size_t(file.tokens()));
    for (int64_t i = 0; i < order.size(); ++i) {
      Ids ids = sample(order, file, i, seq_length);
      for (size_t j = 1; j < ids.size(); ++j) ++seen[size_t(ids[j])];
    }
    EXPECT_LE(*std::max_element(seen.begin(), seen.end()), order.epochs());
    EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0), order.size() * seq_length);
  }
}

TEST(SampleOrder, RefusesEmptyRangesAndAbsurdSizes) {
  auto prefix = write_documents({{1, 2}, {}, {3}});
  TokenFile file(prefix);
  auto build = [&](int64_t first, int64_t end, int64_t seq_length, int64_t samples) {
    return refusal([&] {
      SampleOrder(file, {first, end, seq_length, samples, 1, EpochShuffle::kNeox});
    });
  };
  EXPECT_EQ(build(0, 4, 2, 1), prefix.string() + ": documents 0..4 of 3");
  EXPECT_EQ(build(2, 1, 2, 1), prefix.string() + ": documents 2..1 of 3");
  EXPECT_EQ(build(1, 2, 2, 1), prefix.string() + ": documents 1..2 hold no tokens");
  EXPECT_EQ(build(0, 3, 0, 1), "[data] 1 samples of 0 tokens");
  EXPECT_NE(build(0, 3, int64_t{1} << 40, int64_t{1} << 30).find("does not fit in 64 bits"),
            std::string::npos);
  EXPECT_EQ(build(0, 3, int64_t{1} << 20, int64_t{1} << 20),
            prefix.string() + ": 366503875926 epochs of 3 documents are too many to shuffle");
}

std::vector<int> picks(std::vector<double> weights, int64_t count) {
  Mixture mixture(normalized_weights(weights), count);
  std::vector<int> out;
  for (int64_t p = 0; p < count; ++p) out.push_back(mixture.at(p).source);
  return out;
}

TEST(Mixture, MatchesTheOriginal) {
  EXPECT_EQ(picks({.5, .3, .2}, 20),
            (std::vector<int>{0, 1, 2, 0, 1, 0, 2, 0, 1, 0, 0, 1, 2, 0, 1, 0, 2, 0, 1, 0}));
  EXPECT_EQ(picks({.7, .3}, 20),
            (std::vector<int>{0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(picks({2, 2}, 4), (std::vector<int>{0, 1, 0, 1}));
}

TEST(Mixture, CountsAcrossItsBlocks) {
  Mixture mixture(normalized_weights(std::vector<double>{5, 0, 3, 1.7}), 10000);
  std::vector<int64_t> used(4);
  for (int64_t p = 0; p < mixture.size(); ++p) {
    auto pick = mixture.at(p);
    EXPECT_EQ(pick.index, used[size_t(pick.source)]++);
    if (p % 1000 == 0 || p % 4096 < 2) {
      EXPECT_EQ(mixture.used(p + 1), used) << p;
    }
  }
  EXPECT_EQ(used[1], 0);
  EXPECT_NEAR(double(used[0]), 10000 * 5 / 9.7, 1.5);
}

TEST(Mixture, RefusesWeightsThatAreNone) {
  auto normalize = [](std::vector<double> w) { return refusal([&] { normalized_weights(w); }); };
  EXPECT_EQ(normalize({}), "[mixture] no data files are given");
  EXPECT_EQ(normalize({0, 0}), "[mixture] the weights sum to 0");
  EXPECT_EQ(normalize({1, -1}), "[mixture] the weight -1 is not a number from 0");
  EXPECT_EQ(normalize({1, NAN}), "[mixture] the weight nan is not a number from 0");
  EXPECT_EQ(normalize({1e308, 1e308}), "[mixture] the weights sum to inf");
}

TEST(Splits, MatchTheOriginal) {
  using Bounds = std::array<int64_t, 4>;
  EXPECT_EQ(split_boundaries("969, 30, 1", 1000), (Bounds{0, 969, 999, 1000}));
  EXPECT_EQ(split_boundaries("969/30/1", 1000), (Bounds{0, 969, 999, 1000}));
  EXPECT_EQ(split_boundaries("1", 7), (Bounds{0, 7, 7, 7}));
  EXPECT_EQ(split_boundaries("1,1", 5),
            (Bounds{0, 3, 5, 5}));  // 2.5 rounds to 2, twice; the excess is -1
  EXPECT_EQ(split_boundaries("1,1,1", 10), (Bounds{0, 4, 7, 10}));  // 3 each, excess -1
  EXPECT_EQ(split_boundaries("0.5,0.25,0.25", 10),
            (Bounds{0, 6, 8, 10}));  // 5, 2, 2: halves to even
  for (const char* bad : {"", "a", "1,,1", "1,2,3,4", "-1,2", "0,0", "nan", "1 2"})
    EXPECT_NE(refusal([&] { split_boundaries(bad, 10); }), "no error") << bad;
}

TEST(SampleStream, BlendsSourcesAndCountsWhatItUsed) {
  std::vector<Ids> small(5, Ids{1, 1, 1}), large(100, Ids{2, 2, 2});
  std::vector<DataSource> sources{{write_documents(small, "slm_stream_small"), 0.3},
                                  {write_documents(large, "slm_stream_large"), 0.7}};
  SampleStream stream(sources, {.seq_length = 4, .samples_needed = 100, .seed = 1});
  EXPECT_EQ(stream.size(), 100);
  Ids out(5);
  int64_t ones = 0;
  for (int64_t i = 0; i < stream.size(); ++i) {
    stream.sample(i, out);
    ones += out[0] == 1;
  }
  EXPECT_EQ(ones, 30);
  auto usage = stream.usage(100);
  EXPECT_EQ(usage[0].samples, 30);
  EXPECT_EQ(usage[0].tokens, 120);
  EXPECT_DOUBLE_EQ(usage[0].epochs, 8);
  EXPECT_EQ(usage[1].samples, 70);
  EXPECT_EQ(stream.usage(0)[1].tokens, 0);
  EXPECT_EQ(refusal([&] { stream.sample(100, out); }), "[mixture] sample 100 of 100");
  Ids wrong(4);
  EXPECT_EQ(refusal([&] { stream.sample(0, wrong); }).rfind("[data] a sample needs room", 0), 0u);
}

TEST(SampleStream, KnowsWhereASampleComesFrom) {
  std::vector<DataSource> sources{{write_documents(kThree)}};
  SampleStream stream(sources, {.seq_length = 2, .samples_needed = 3});
  auto place = stream.origin(1);  // [0, 30, 31]
  EXPECT_EQ(place.sample, 1);
  EXPECT_EQ(place.documents, (std::vector<int64_t>{1, 2}));
  ASSERT_EQ(place.pieces.size(), 2u);
  EXPECT_EQ(place.pieces[0].document, 1);
  EXPECT_EQ(place.pieces[0].begin, 1);
  EXPECT_EQ(place.pieces[0].count, 1);
  EXPECT_EQ(place.pieces[1].document, 2);
  EXPECT_EQ(place.pieces[1].count, 2);
  SampleStream plan(sources, {.seq_length = 2, .samples_needed = 3, .only_plan = true});
  EXPECT_EQ(plan.usage(3)[0].epochs, stream.usage(3)[0].epochs);
  Ids out(3);
  EXPECT_EQ(refusal([&] { plan.sample(0, out); }),
            "[data] a stream that only plans has no samples");
}

TEST(SampleStream, ReadsLabelsInTheSamePlaces) {
  auto prefix = write_documents(kThree);
  auto labels = prefix.parent_path() / "labels";
  TokenFileWriter writer(labels, TokenType::kI32, TokenFileWriter::Content::kLabels);
  for (const Ids& d : {Ids{kNoLabel, 11, 0}, {kNoLabel, 0}, {30, kNoLabel, 32, 0}}) writer.add(d);
  EXPECT_EQ(refusal([&] { writer.add(Ids{-1}); }),
            "[tokens] the id -1 does not fit in 0..2147483647");
  writer.commit();
  std::vector<DataSource> sources{{.prefix = prefix, .labels = labels}};
  SampleStream stream(sources, {.seq_length = 2, .samples_needed = 3});
  EXPECT_TRUE(stream.has_labels());
  Ids out(3);
  stream.labels(1, out);
  EXPECT_EQ(out, (Ids{0, 30, kNoLabel}));
  stream.sample(1, out);
  EXPECT_EQ(out, (Ids{0, 30, 31}));
  sources[0].prefix = labels;
  EXPECT_EQ(refusal([&] {
              SampleStream(sources, {.seq_length = 2, .samples_needed = 3}).sample(1, out);
            }),
            labels.string() + ".bin: document 2 holds an id outside 0..2147483647");
  sources[0] = {.prefix = prefix, .labels = write_documents({{1, 2, 3}, {4, 5}, {6}}, "labels2")};
  EXPECT_NE(refusal([&] {
              SampleStream(sources, {.seq_length = 2, .samples_needed = 3});
            }).find("1 labels of document 2, which has 4 tokens in"),
            std::string::npos);
}

// More than the size from which orders are cached.
TEST(SampleOrder, LargeOrdersComeFromTheCache) {
  auto dir = scratch_dir();
  TokenFileWriter writer(dir / "big", TokenType::kU8);
  for (int i = 0; i < 1000; ++i) writer.add(Ids(1000, i % 100));
  writer.commit();
  TokenFile file(dir / "big");
  SampleOrderSpec spec{0, 1000, 1, 2'900'000, 5, EpochShuffle::kNeox};
  SampleOrder plain(file, spec), made(file, spec, dir / "cache");
  auto files = [&] {
    std::vector<std::filesystem::path> out;
    for (const auto& e : std::filesystem::directory_iterator(dir / "cache")) out.push_back(e);
    return out;
  };
  ASSERT_EQ(files().size(), 1u);
  auto time = std::filesystem::last_write_time(files()[0]);
  SampleOrder found(file, spec, dir / "cache");
  EXPECT_EQ(std::filesystem::last_write_time(files()[0]), time);
  for (const SampleOrder* o : {&made, &found}) {
    EXPECT_TRUE(std::ranges::equal(o->document_order(), plain.document_order()));
    EXPECT_TRUE(std::ranges::equal(o->shuffle(), plain.shuffle()));
    for (int64_t i : {0, 77, 2'899'999})
      EXPECT_EQ(sample(*o, file, i, 1), sample(plain, file, i, 1));
  }
  spec.seed = 6;
  SampleOrder(file, spec, dir / "cache");
  EXPECT_EQ(files().size(), 2u);
  write_file_atomically(files()[0], "SLMORDER cut off");
  write_file_atomically(files()[1], "");
  EXPECT_TRUE(std::ranges::equal(SampleOrder(file, spec, dir / "cache").shuffle(),
                                 SampleOrder(file, spec).shuffle()));
}

TEST(SampleStream, RefusesIdsOutsideTheVocabulary) {
  auto prefix = write_documents({{1, 2, 500, 3}});
  std::vector<DataSource> sources{{prefix}};
  SampleStream stream(sources, {.seq_length = 3, .samples_needed = 1, .vocab_size = 500});
  Ids out(4);
  EXPECT_EQ(
      refusal([&] { stream.sample(0, out); }),
      prefix.string() +
          ": token 2 of document 0 is the id 500, outside the vocabulary of 500; was it prepared "
          "with another tokenizer?");
}

}  // namespace
}  // namespace slm
