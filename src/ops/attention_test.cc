#include "ops/attention.h"

#include <algorithm>
#include <cmath>

#include "backend/reference/numbers.h"
#include "support/op_fixture.h"
#include "support/op_test.h"
#include "util/error.h"

namespace slm {
namespace {

using namespace testing;
using reference::Numbers;
using Segments = std::vector<AttentionSegment>;

Op attention_op(Segments segments, AttentionSpec spec) {
  return [=](Context& cx, const Inputs& in) {
    return attend(cx, in[0], in[1], in[2], segments, spec);
  };
}

struct Heads {
  int64_t query, kv, size;
};

Inputs random_inputs(int64_t queries, int64_t keys, Heads heads, double spread = 1) {
  return {random({queries, heads.query, heads.size}, 1, spread),
          random({keys, heads.kv, heads.size}, 2, spread), random({keys, heads.kv, heads.size}, 3)};
}

// [T, K, E] as [T, K * E] in blocks
Tensor in_blocks(const Tensor& t, DType type) {
  return to_dtype(converted(t, DType::kF32).reshape({t.dim(0), t.dim(1) * t.dim(2)}), type);
}

class AttentionTest : public OpTest {
 protected:
  // The longest sums run over the keys, or over the values of a head.
  void expect_close(const Inputs& in, const Op& op) const {
    expect_close_to_reference(in, op, std::max(in[1].dim(0), in[1].dim(2)));
  }
};
INSTANTIATE_TEST_SUITE_P(Every, AttentionTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(AttentionTest, HeadsAndTheirSizes) {
  for (Heads heads : {Heads{1, 1, 1}, Heads{2, 2, 20}, Heads{4, 2, 64}, Heads{6, 1, 33}}) {
    SCOPED_TRACE(::testing::Message() << heads.query << "/" << heads.kv << " of " << heads.size);
    expect_close(random_inputs(19, 19, heads), attention_op({{0, 19, 0, 19}}, {.scale = 0.3f}));
  }
}

TEST_P(AttentionTest, OneQuery) {
  expect_close(random_inputs(1, 70, {4, 2, 16}), attention_op({{0, 1, 0, 70}}, {.scale = 0.25f}));
}

TEST_P(AttentionTest, LongerThanATile) {
  expect_close(random_inputs(150, 150, {1, 1, 8}),
               attention_op({{0, 150, 0, 150}}, {.scale = 0.35f}));
}

TEST_P(AttentionTest, PackedSequences) {
  expect_close(random_inputs(31, 31, {2, 1, 24}),
               attention_op({{0, 13, 0, 13}, {13, 1, 13, 1}, {14, 17, 14, 17}}, {.scale = 0.2f}));
}

// Rows of no segment and keys of the past that nobody reads: their gradient is zero.
TEST_P(AttentionTest, CachedKeysInAnyOrder) {
  expect_close(random_inputs(9, 60, {4, 2, 12}),
               attention_op({{0, 5, 40, 20}, {5, 1, 0, 17}, {6, 3, 20, 3}}, {.scale = 0.3f}));
}

TEST_P(AttentionTest, SlidingWindow) {
  for (int64_t window : {1, 6, 100})
    expect_close(random_inputs(25, 40, {2, 1, 16}),
                 attention_op({{0, 5, 0, 20}, {5, 20, 20, 20}}, {.scale = 0.3f, .window = window}));
}

// Tiles of 96 begin at keys 0, 96 and at queries with the positions 10, 106: with a window of 12
// the second query tile sees only the last key of the first.
TEST_P(AttentionTest, WindowsThatSkipWholeTiles) {
  for (int64_t window : {1, 12, 70})
    expect_close(
        random_inputs(171, 300, {2, 1, 8}),
        attention_op({{0, 170, 0, 180}, {170, 1, 180, 120}}, {.scale = 0.3f, .window = window}));
}

TEST_P(AttentionTest, Alibi) {
  expect_close(random_inputs(23, 30, {6, 3, 16}),
               attention_op({{0, 3, 0, 10}, {3, 20, 10, 20}},
                            {.scale = 0.3f, .window = 12, .slopes = alibi_slopes(6)}));
}

// The backward pass is as exact as the f32 logarithm of the denominator allows: u times its size.
TEST_P(AttentionTest, LargeScores) {
  expect_close(random_inputs(20, 20, {2, 2, 16}, 3), attention_op({{0, 20, 0, 20}}, {.scale = 1}));
  expect_result_close_to_reference(random_inputs(20, 20, {2, 2, 16}, 10),
                                   attention_op({{0, 20, 0, 20}}, {.scale = 1}), 20);
}

TEST_P(AttentionTest, KeysOfAnotherType) {
  for (DType type : {DType::kBF16, DType::kF16}) {
    Inputs in = random_inputs(5, 22, {4, 2, 20});
    in[1] = converted(in[1], type);
    in[2] = converted(in[2], type);
    expect_close(in, attention_op({{0, 5, 0, 22}}, {.scale = 0.3f}));
  }
}

// Keys are looked at in shares of 512, whose sums are put together.
TEST_P(AttentionTest, FewQueriesAndManyKeys) {
  expect_close(random_inputs(1, 1030, {1, 1, 16}),
               attention_op({{0, 1, 0, 1030}}, {.scale = 0.2f}));
  expect_close(random_inputs(3, 560, {2, 1, 16}),
               attention_op({{0, 3, 0, 560}}, {.scale = 0.2f, .window = 60}));
}

TEST_P(AttentionTest, OneQueryAndKeysOfAnotherType) {
  for (Heads heads : {Heads{2, 2, 80}, Heads{4, 2, 64}, Heads{3, 3, 20}}) {
    Inputs in = random_inputs(1, 40, heads);
    in[1] = converted(in[1], DType::kF16);
    in[2] = converted(in[2], DType::kF16);
    expect_close(in, attention_op({{0, 1, 0, 40}}, {.scale = 0.2f}));
  }
}

// Blocks of 32 are laid over a token's heads one after the other, and begin within some of them.
TEST_P(AttentionTest, KeysInBlocks) {
  for (DType type : {DType::kQ8_0, DType::kQ4_0})
    for (Heads heads : {Heads{2, 2, 80}, Heads{4, 2, 16}})
      for (int64_t queries : {1, 20}) {
        SCOPED_TRACE(::testing::Message() << queries << " queries, heads of " << heads.size);
        Inputs in = random_inputs(queries, 120, heads);
        Tensor k = in_blocks(in[1], type), v = in_blocks(in[2], type);
        Op op = [=](Context& cx, const Inputs& of) {
          return attend(cx, of[0], to_device(cx.backend, k), to_device(cx.backend, v),
                        {{0, queries, 10, 110}}, {.scale = 0.2f});
        };
        expect_result_close_to_reference({in[0]}, op, 110);
      }
}

Op dropout_op(Segments segments, AttentionSpec spec, double rate = 0.3) {
  return [=](Context& cx, const Inputs& in) {
    cx.dropout = {.attention = rate, .seed = 7, .first_row = 5};
    return attend(cx, in[0], in[1], in[2], segments, spec);
  };
}

TEST_P(AttentionTest, Dropout) {
  expect_close(random_inputs(19, 19, {4, 2, 20}),
               dropout_op({{0, 13, 0, 13}, {13, 1, 13, 1}, {14, 5, 14, 5}}, {.scale = 0.3f}));
  expect_close(random_inputs(9, 60, {4, 2, 12}),
               dropout_op({{0, 5, 40, 20}, {5, 1, 0, 17}, {6, 3, 20, 3}}, {.scale = 0.3f}));
  expect_close(random_inputs(110, 110, {1, 1, 8}),
               dropout_op({{0, 110, 0, 110}}, {.scale = 0.35f, .window = 12}));
}

TEST_P(AttentionTest, OneTensorForAllThree) {
  expect_close_to_reference({random({14, 2, 16}, 1)}, [](Context& cx, const Inputs& in) {
    return attend(cx, in[0], in[0], in[0], {{0, 14, 0, 14}}, {.scale = 0.2f});
  });
}

class AttentionFixtures : public OpTest {
 protected:
  // 17 keys in each of two rows, heads of 12; the queries are the last ones.
  void match(const char* name, const Segments& segments, AttentionSpec spec = {}) {
    SCOPED_TRACE(name);
    OpFixture f(name);
    spec.scale = float(1 / std::sqrt(12.0));
    expect_matches({f.rows("q"), f.rows("k"), f.rows("v")}, attention_op(segments, spec),
                   {f.rows("dy"), f.rows("y"), {f.rows("dq"), f.rows("dk"), f.rows("dv")}, 17});
  }

  const Segments both_rows_ = {{0, 17, 0, 17}, {17, 17, 17, 17}};
};
INSTANTIATE_TEST_SUITE_P(Every, AttentionFixtures, ::testing::ValuesIn(every_backend()), case_name);

TEST_P(AttentionFixtures, Match) {
  for (const char* name : {"attention_causal_mha", "attention_causal_gqa", "attention_causal_mqa"})
    match(name, both_rows_);
  match("attention_causal_cached", {{0, 5, 0, 17}, {5, 5, 17, 17}});
  match("attention_sliding_window_gqa", both_rows_, {.window = 6});
  match("attention_alibi_mha", both_rows_, {.slopes = alibi_slopes(4)});
}

TEST_P(AttentionFixtures, MatchDocuments) {
  Tensor documents = OpFixture("attention_document_mask_gqa").ids("doc_ids");
  Segments segments;
  for (int64_t t = 0; t < documents.elements(); ++t) {
    const int32_t* id = documents.data<int32_t>() + t;
    if (t % 17 == 0 || id[0] != id[-1]) segments.push_back({t, 0, t, 0});
    ++segments.back().q_len, ++segments.back().k_len;
  }
  EXPECT_GT(segments.size(), 2u);
  match("attention_document_mask_gqa", segments);
}

TEST(AttentionGradients, AreDifferences) {
  Segments segments = {{0, 2, 0, 5}, {2, 4, 5, 4}};
  for (AttentionSpec spec :
       {AttentionSpec{.scale = 0.4f}, AttentionSpec{.scale = 0.4f, .window = 3},
        AttentionSpec{.scale = 0.4f, .slopes = alibi_slopes(4)}})
    expect_gradients_match_differences(random_inputs(6, 10, {4, 2, 3}),
                                       attention_op(segments, spec));
}

TEST(AttentionGradients, AreDifferencesWithDropout) {
  Segments segments = {{0, 2, 0, 5}, {2, 4, 5, 4}};
  for (AttentionSpec spec :
       {AttentionSpec{.scale = 0.4f, .stream = 3}, AttentionSpec{.scale = 0.4f, .window = 3}})
    expect_gradients_match_differences(random_inputs(6, 10, {4, 2, 3}), dropout_op(segments, spec));
}

// With queries of 0 and values of 1, y is what is left of the mean of 1s.
Numbers left_of_ones(double rate, uint64_t stream, int64_t first_row, const Segments& segments) {
  auto backend = make_cpu_backend({.threads = 2});
  Context cx{*backend, nullptr};
  cx.dropout = {.attention = rate, .seed = 7, .first_row = first_row};
  int64_t rows = segments.back().q_begin + segments.back().q_len;
  Tensor q = converted(random({rows, 2, 8}, 1, 0), DType::kF32), ones = q;
  ones = converted(q, DType::kF64);
  for (double& x : ones.span<double>()) x = 1;
  ones = converted(ones, DType::kF32);
  Tensor y = attend(cx, q, q, ones, segments, {.stream = stream});
  Numbers each;
  for (int64_t r = 0; r < y.elements() / 8; ++r) each.push_back(y.data<float>()[r * 8]);
  return each;
}

// Of n probabilities, each dropped with probability p, p n are, with a deviation of
// sqrt(n p (1 - p)); six of them never happen.
TEST(AttentionDropout, DropsTheShareItIsToldAndKeepsTheMean) {
  for (double rate : {0.1, 0.5}) {
    Numbers left = left_of_ones(rate, 1, 0, {{0, 300, 0, 300}});
    double n = 0, kept = 0;
    for (size_t i = 0; i < left.size(); ++i) {
      double keys = double(i / 2 + 1), of_row = left[i] * keys * (1 - rate);
      EXPECT_NEAR(of_row, std::round(of_row), keys * keys * epsilon(DType::kF32)) << i;
      n += keys;
      kept += of_row;
    }
    EXPECT_NEAR(kept, (1 - rate) * n, 6 * std::sqrt(n * rate * (1 - rate)));
  }
}

TEST(AttentionDropout, DependsOnPlaceAndRowAlone) {
  Segments both = {{0, 100, 0, 100}, {100, 40, 100, 40}}, second = {{0, 40, 0, 40}};
  Numbers all = left_of_ones(0.4, 1, 30, both), later = left_of_ones(0.4, 1, 130, second);
  EXPECT_TRUE(std::equal(later.begin(), later.end(), all.begin() + 200));
  EXPECT_NE(later, left_of_ones(0.4, 1, 131, second));
  EXPECT_NE(later, left_of_ones(0.4, 2, 130, second));
}

TEST(AttentionDropout, RefusesAnImpossibleRate) {
  EXPECT_THROW(left_of_ones(1, 1, 0, {{0, 4, 0, 4}}), Error);
  EXPECT_THROW(left_of_ones(-0.1, 1, 0, {{0, 4, 0, 4}}), Error);
}

// A score moves by at most scale |q|_1 times the largest error of a key, so a probability by a
// factor e^(twice that), and y by that much of the largest value, beside the largest error of a
// value.
TEST(AttentionCache, ShortFormatsStayWithinTheirErrors) {
  auto backend = make_cpu_backend({.threads = 2});
  Context cx{*backend};
  int64_t keys = 200, width = 4 * 32;
  float scale = 0.1f;
  Tensor q = converted(random({1, 4, 32}, 1), DType::kF32);
  Tensor k = converted(random({keys, 4, 32}, 2), DType::kF32);
  Tensor v = converted(random({keys, 4, 32}, 3), DType::kF32);
  Tensor exact = attend(cx, q, k, v, {{0, 1, 0, keys}}, {.scale = scale});
  for (DType type : {DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0}) {
    SCOPED_TRACE(traits(type).name);
    auto kept = [&](const Tensor& t) {
      bool blocks = traits(type).block_elems > 1;
      Tensor to = backend->empty(blocks ? Shape{keys, width} : t.shape(), type);
      backend->copy(t, to);
      return to;
    };
    auto largest = [](std::span<const float> a, std::span<const float> b) {
      double most = 0;
      for (size_t i = 0; i < a.size(); ++i)
        most = std::max(most, std::abs(double(a[i]) - (b.empty() ? 0 : double(b[i]))));
      return most;
    };
    Tensor short_k = kept(k), short_v = kept(v);
    double of_keys = largest(k.span<float>(), to_dtype(short_k, DType::kF32).span<float>());
    double of_values = largest(v.span<float>(), to_dtype(short_v, DType::kF32).span<float>());
    double sum_q = 0;
    for (int64_t h = 0; h < 4; ++h) {
      double sum = 0;
      for (int64_t e = 0; e < 32; ++e) sum += std::abs(double(q.data<float>()[h * 32 + e]));
      sum_q = std::max(sum_q, sum);
    }
    double bound = of_values + (std::exp(2 * scale * sum_q * of_keys) - 1) *
                                   (largest(v.span<float>(), {}) + of_values);
    Tensor y = attend(cx, q, short_k, short_v, {{0, 1, 0, keys}}, {.scale = scale});
    double error = largest(exact.span<float>(), y.span<float>());
    EXPECT_LE(error, bound);
    EXPECT_GT(error, 0);
    EXPECT_LT(of_values, type == DType::kQ4_0 ? 0.5 : 0.02);
  }
}

TEST(Alibi, SlopesMatchFixtures) {
  for (int64_t heads : {1, 2, 4, 5, 6, 8, 12, 16, 20, 32, 40, 112}) {
    Tensor expected = OpFixture("alibi_slopes").at(std::to_string(heads));
    Tensor slopes = alibi_slopes(heads);
    ASSERT_EQ(slopes.shape(), expected.shape());
    for (int64_t h = 0; h < heads; ++h)
      EXPECT_NEAR(slopes.data<float>()[h], expected.data<float>()[h],
                  4 * epsilon(DType::kF32) * expected.data<float>()[h])
          << h << " of " << heads;
  }
}

TEST(Alibi, SlopesFallFasterWithALargerBias) {
  Tensor slopes = alibi_slopes(4, 16);
  for (int h = 0; h < 4; ++h) EXPECT_EQ(slopes.data<float>()[h], std::exp2(-4.0f * float(h + 1)));
}

TEST(Attention, RefusesSegmentsOutsideTheTensors) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor q = converted(random({4, 2, 3}, 1), DType::kF32);
  for (AttentionSegment s :
       {AttentionSegment{0, 5, 0, 5}, AttentionSegment{-1, 2, 0, 2}, AttentionSegment{0, 3, 0, 2},
        AttentionSegment{0, 2, 3, 2}, AttentionSegment{0, 0, 0, 4}})
    EXPECT_THROW(attend(cx, q, q, q, {s}, {}), Error);
  Tensor three_heads = converted(random({4, 3, 3}, 1), DType::kF32);
  EXPECT_THROW(attend(cx, three_heads, q, q, {{0, 4, 0, 4}}, {}), Error);
}

}  // namespace
}  // namespace slm
