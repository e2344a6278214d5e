// What the op tests (src/ops/attention_test.cc, attention_sizes_test.cc), which compare numbers
// with the reference, do not ask: which results are the same bit by bit, and how work is cut up.
#include "backend/cuda/attention.cuh"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "backend/cuda/attention_work.h"
#include "support/cuda_test.h"
#include "support/refusal.h"
#include "util/rng.h"

namespace slm::cuda {
namespace {

Tensor random(const Shape& shape, DType dtype, const char* name) {
  Tensor t = Tensor::host(shape, DType::kF32);
  Rng rng(hash_name(name));
  for (float& x : t.span<float>()) x = float(rng.normal());
  return to_dtype(t, dtype);
}

class CudaAttention : public testing::CudaTest {
 protected:
  static constexpr int64_t kHeads = 2, kSize = 16;

  Tensor input(int64_t rows, const char* name) {
    return on_device(random({rows, kHeads, kSize}, GetParam(), name));
  }
  Tensor result(AttentionArgs a, bool exact) {
    a.y = cx().empty(a.q.shape(), a.q.dtype());
    a.scale = 0.25f;
    attention_forward(cx(), a, exact);
    return on_host(a.y);
  }
  // Rows of y, bit by bit.
  std::vector<std::byte> attend(const AttentionArgs& a) {
    Tensor y = result(a, true);
    return {y.bytes_data(), y.bytes_data() + y.bytes()};
  }
};
INSTANTIATE_TEST_SUITE_P(Every, CudaAttention,
                         ::testing::Values(DType::kF32, DType::kBF16, DType::kF16),
                         testing::dtype_name);

TEST_P(CudaAttention, ASegmentDoesNotDependOnTheOthers) {
  Tensor q = input(40, "q"), k = input(700, "k"), v = input(700, "v");
  Segments all = {{0, 30, 0, 70}, {30, 2, 70, 600}, {32, 8, 670, 30}};
  std::vector<std::byte> together = attend({.q = q, .k = k, .v = v, .segments = all});
  for (const AttentionSegment& s : all) {
    Segments one = {{0, s.q_len, 0, s.k_len}};
    std::vector<std::byte> alone = attend({.q = q.rows(s.q_begin, s.q_begin + s.q_len),
                                           .k = k.rows(s.k_begin, s.k_begin + s.k_len),
                                           .v = v.rows(s.k_begin, s.k_begin + s.k_len),
                                           .segments = one});
    size_t row = together.size() / 40;
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + s.q_begin * row))
        << s.q_len;
  }
}

// Also in which tile, at which place of it, and with how many keys hidden before its window.
TEST_P(CudaAttention, UniformQueriesDoNotDependOnHowManyThereAre) {
  constexpr int64_t kTokens = 140;
  Tensor q = input(kTokens, "q"), k = input(kTokens, "k"), v = input(kTokens, "v");
  for (int64_t window : {0, 50}) {
    Segments whole = {{0, kTokens, 0, kTokens}};
    std::vector<std::byte> all =
        attend({.q = q, .k = k, .v = v, .segments = whole, .window = window, .uniform = true});
    size_t row = all.size() / kTokens;
    for (int64_t first : {1, 77, 139}) {
      Segments last = {{0, kTokens - first, 0, kTokens}};
      std::vector<std::byte> some = attend({.q = q.rows(first, kTokens),
                                            .k = k,
                                            .v = v,
                                            .segments = last,
                                            .window = window,
                                            .uniform = true});
      EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + size_t(first) * row))
          << first << " " << window;
    }
  }
}

// Rounding queries to units u moves logits by at most d = u max sum |q k| scale, and with rounded
// weights of the values each result by (2 d + 2 u) max |v|; f32 sums add far less.
TEST_P(CudaAttention, QueriesInF32AreRoundedToNarrowKeysUnlessExact) {
  constexpr int64_t kTokens = 150;
  DType narrow = GetParam() == DType::kF32 ? DType::kQ8_0 : GetParam();
  Tensor q = random({kTokens, kHeads, kSize}, DType::kF32, "q"), k, v;
  auto cached = [&](const char* name) {
    Tensor plain = random({kTokens, kHeads, kSize}, DType::kF32, name);
    if (narrow != DType::kQ8_0) return to_dtype(plain, narrow);
    return to_dtype(plain.reshape({kTokens, kHeads * kSize}), narrow);
  };
  k = cached("k"), v = cached("v");
  auto most = [](const Tensor& t) {
    double largest = 0;
    Tensor f32 = to_dtype(t, DType::kF32);
    for (float x : f32.span<float>()) largest = std::max(largest, std::abs(double(x)));
    return largest;
  };
  double u = epsilon(narrow == DType::kQ8_0 ? DType::kF16 : narrow) / 2;
  double bound = 2 * u * (1 + 0.25 * double(kSize) * most(q) * most(k)) * most(v);
  Segments whole = {{0, kTokens, 0, kTokens}};
  AttentionArgs a{.q = on_device(q), .k = on_device(k), .v = on_device(v), .segments = whole};
  Tensor exact = result(a, true), rounded = result(a, false);
  double apart = 0;
  for (int64_t i = 0; i < exact.elements(); ++i)
    apart = std::max(apart, std::abs(double(exact.data<float>()[i] - rounded.data<float>()[i])));
  EXPECT_LT(apart, bound);
  EXPECT_GT(apart, 0);  // they were
}

TEST_P(CudaAttention, RefusesWhatItHasNoKernelFor) {
  Tensor large = cx().empty({4, 1, 257}, GetParam());
  Segments segments = {{0, 4, 0, 4}};
  AttentionArgs a{.q = large, .k = large, .v = large, .segments = segments, .y = large};
  EXPECT_EQ(testing::refusal([&] { attention_forward(cx(), a, true); }),
            "[cuda] attention heads of 257 values: at most 256 are expected");
  Tensor q = input(4, "q"), blocks = cx().empty({4, 32}, DType::kQ8_0);
  AttentionArgs b{.q = q, .k = blocks, .v = blocks, .segments = segments, .y = q};
  EXPECT_EQ(testing::refusal([&] { attention_backward(cx(), b, {.dy = q}); }),
            "[cuda] keys and values in q8_0 have no gradients");
}

TEST(CudaAttentionWork, QueriesThatSeeMostKeysComeFirst) {
  std::vector<AttentionWork> works = query_tiles({{0, 5, 0, 5}, {5, 300, 5, 1000}}, 128, 0);
  ASSERT_EQ(works.size(), 4u);
  EXPECT_EQ(works[0].q_begin, 5);
  EXPECT_EQ(works[0].first, 256);
  EXPECT_EQ(works[2].first, 0);
  EXPECT_EQ(works[3].k_len, 5);
}

TEST(CudaAttentionWork, SharesOfKeysBeginAtTheWindow) {
  DecodePlan plan = plan_decode({{0, 2, 0, 1000}, {2, 1, 1000, 40}}, 300);
  ASSERT_EQ(plan.shares.size(), 3u);  // the first query's oldest key is 699
  EXPECT_EQ(plan.shares[0].first, 512);
  EXPECT_EQ(plan.shares[1].first, 768);
  EXPECT_EQ(plan.shares[1].share, 2);
  EXPECT_EQ(plan.shares[2].share, -1);
  ASSERT_EQ(plan.merges.size(), 2u);
  EXPECT_EQ(plan.merges[1].q_begin, 1);
  EXPECT_EQ(plan.merges[1].share, 1);
  EXPECT_EQ(plan.sums, 4);
  EXPECT_EQ(plan.most_queries, 2);
}

TEST(CudaAttentionWork, PartsHaveNoKeyTwice) {
  Segments apart = {{5, 3, 5, 3}, {0, 5, 0, 5}};
  EXPECT_EQ(disjoint_keys(apart).size(), 1u);
  Segments shared = {{0, 5, 0, 10}, {5, 5, 3, 10}, {10, 2, 13, 2}, {12, 1, 9, 1}};
  std::vector<Segments> parts = disjoint_keys(shared);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].size(), 2u);
  EXPECT_EQ(parts[1][0].k_begin, 3);
  EXPECT_TRUE(disjoint_keys({}).empty());
}

}  // namespace
}  // namespace slm::cuda
