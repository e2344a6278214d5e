#include "text/bpe_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "text/piece_cache.h"
#include "util/rng.h"

namespace slm {
namespace {

// Bytes 'a'..'d' and tokens that random merges of them make, some with equal ranks.
BpeModel random_model(Rng& rng, bool equal_ranks) {
  BpeModel m;
  std::vector<std::string> tokens = {"a", "b", "c", "d"};
  for (const std::string& t : tokens) {
    int32_t id = int32_t(&t - tokens.data());
    m.vocab.add(id, t, "test");
    m.byte_ids[static_cast<unsigned char>(t[0])] = id;
  }
  for (uint32_t rank = 0; tokens.size() < 40; ++rank) {
    auto left = int32_t(rng.next_u32() % tokens.size());
    auto right = int32_t(rng.next_u32() % tokens.size());
    std::string both = tokens[size_t(left)] + tokens[size_t(right)];
    if (m.vocab.find(both) != kNoToken) continue;
    auto id = int32_t(tokens.size());
    m.vocab.add(id, both, "test");
    tokens.push_back(both);
    m.merges.set(left, right, {equal_ranks ? rank / 4 : rank, id});
  }
  m.prepare();
  return m;
}

// The definition: at every step the pair with the lowest rank, leftmost on ties.
std::vector<int32_t> by_definition(const BpeModel& m, const std::string& text) {
  std::vector<int32_t> ids;
  for (char c : text) ids.push_back(m.byte_ids[static_cast<unsigned char>(c)]);
  for (;;) {
    const Merge* best = nullptr;
    size_t where = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const Merge* found = m.merges.find(ids[i], ids[i + 1]);
      if (found && (!best || found->rank < best->rank)) best = found, where = i;
    }
    if (!best) return ids;
    ids[where] = best->id;
    ids.erase(ids.begin() + ptrdiff_t(where) + 1);
  }
}

TEST(BpeModel, ScanHeapAndCacheFollowTheDefinition) {
  Rng rng(7);
  for (int round = 0; round < 40; ++round) {
    BpeModel m = random_model(rng, round % 2 == 1);
    PieceCache cache;
    for (int i = 0; i < 60; ++i) {
      std::string text;
      for (uint32_t n = 1 + rng.next_u32() % 90; n-- > 0;) text += "abcd"[rng.next_u32() % 4];
      std::vector<int32_t> want = by_definition(m, text), first, again;
      m.encode(text, cache, first);
      m.encode(text, cache, again);
      ASSERT_EQ(first, want) << text;
      ASSERT_EQ(again, want) << text;
    }
  }
}

TEST(BpeModel, AMillionBytesWithoutABreakTakeNoQuadraticTime) {
  Rng rng(8);
  BpeModel m = random_model(rng, false);
  std::string text;
  for (int i = 0; i < 1000000; ++i) text += "abcd"[rng.next_u32() % 4];
  PieceCache cache;
  std::vector<int32_t> ids;
  auto start = std::chrono::steady_clock::now();
  m.encode(text, cache, ids);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  size_t bytes = 0;
  for (int32_t id : ids) bytes += m.vocab[id].size();
  EXPECT_EQ(bytes, text.size());
}

}  // namespace
}  // namespace slm
