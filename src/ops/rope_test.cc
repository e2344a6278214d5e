#include "ops/rope.h"

#include <cmath>
#include <numeric>

#include "support/op_fixture.h"
#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

Tensor positions(std::vector<int32_t> values) {
  return Tensor::of(values, {int64_t(values.size())});
}

Op rope_op(const Tensor& at, const Rope& spec) {
  return [=](Context& cx, const Inputs& in) {
    return rope(cx, in[0], rope_table(cx, at, spec), spec.pairing);
  };
}

class RopeTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, RopeTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(RopeTest, BothPairingsOnPartOfAHead) {
  Tensor at = positions({0, 1, 2, 0, 700});
  for (auto pairing : {Rope::kHalves, Rope::kInterleaved})
    for (int64_t dims : {2, 6, 20, 64})
      expect_close_to_reference({random({5, 3, 64}, 1)},
                                rope_op(at, {.dims = dims, .pairing = pairing}));
}

TEST_P(RopeTest, QueriesScaledByTheLogarithmOfTheirPosition) {
  expect_close_to_reference({random({4, 2, 16}, 1)},
                            rope_op(positions({0, 7, 8, 700}), {.dims = 16, .log_n_length = 8}));
}

class RopeTables : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, RopeTables, ::testing::ValuesIn(every_backend()), case_name);

// A table may differ in the last bit of a cosine, but not in the angle.
TEST_P(RopeTables, AgreeToOneRounding) {
  auto backend = GetParam().make(2), reference = make_reference_backend();
  Context cx{*backend}, exact{*reference};
  Tensor at = positions({0, 1, 5, 1023, 4095, 16383});
  for (Rope spec : {Rope{.dims = 20}, Rope{.dims = 128, .theta = 1e6},
                    Rope{.dims = 64, .theta = 500000, .scale = 4}}) {
    Tensor got = to_host(*backend, rope_table(cx, at, spec)), want = rope_table(exact, at, spec);
    for (int64_t i = 0; i < want.elements(); ++i)
      ASSERT_NEAR(got.data<float>()[i], want.data<float>()[i], epsilon(DType::kF32)) << i;
  }
}

// Angles computed by PyTorch in f32, as the published implementations do.
TEST_P(RopeTables, RoundAnglesAsPyTorchDoes) {
  auto backend = GetParam().make(2);
  Context cx{*backend};
  Tensor table =
      to_host(*backend, rope_table(cx, positions({16383}), {.dims = 20, .theta = 10000}));
  float cosines[] = {-0.918830931f, 0.97047776f,   -0.00418937393f, -0.993590355f, -0.999654233f,
                     0.892840147f,  -0.730619371f, 0.672980011f,    -0.612011135f, -0.562300086f};
  for (int i = 0; i < 10; ++i)
    EXPECT_NEAR(table.data<float>()[i], cosines[i], epsilon(DType::kF32)) << i;
}

// Beyond 8 tokens: ln(p + 1) / ln(8), so 2 at position 63.
TEST_P(RopeTables, GrowWithTheLogarithmOfThePosition) {
  auto backend = GetParam().make(2);
  Context cx{*backend};
  auto table = [&](const Rope& rope) {
    return to_host(*backend, rope_table(cx, positions({3, 7, 63}), rope));
  };
  Tensor plain = table({.dims = 4}), scaled = table({.dims = 4, .log_n_length = 8});
  for (int64_t i = 0; i < 12; ++i)
    EXPECT_FLOAT_EQ(scaled.data<float>()[i], plain.data<float>()[i] * (i < 8 ? 1 : 2)) << i;
}

class RopeFixtures : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, RopeFixtures, ::testing::ValuesIn(every_backend()), case_name);

TEST_P(RopeFixtures, Match) {
  for (const char* name : {"rotary_half", "rotary_half_reset_positions", "rotary_pairs"}) {
    SCOPED_TRACE(name);
    OpFixture f(name);
    std::vector<int32_t> one(9), both;
    std::iota(one.begin(), one.end(), 0);
    if (f.has("positions")) {
      Tensor given = f.ids("positions");
      one.assign(given.data<int32_t>(), given.data<int32_t>() + given.elements());
    }
    for (int batch = 0; batch < 2; ++batch) both.insert(both.end(), one.begin(), one.end());
    Rope spec{.dims = 6,
              .pairing = std::string(name) == "rotary_pairs" ? Rope::kInterleaved : Rope::kHalves};
    expect_matches({f.rows("x")}, rope_op(positions(both), spec),
                   {f.rows("dy"), f.rows("y"), {f.rows("dx")}});
  }
}

TEST(RopeGradients, AreDifferences) {
  for (auto pairing : {Rope::kHalves, Rope::kInterleaved})
    for (int64_t log_n : {0, 8})
      expect_gradients_match_differences(
          {random({3, 2, 8}, 1)},
          rope_op(positions({0, 3, 50}), {.dims = 6, .pairing = pairing, .log_n_length = log_n}));
}

// a = 2^(k+1) - 1 for texts of up to 2^k times the trained length.
TEST(Rope, RaisesTheBaseForLongTexts) {
  Rope rope{.dims = 12, .theta = 10000, .ntk_length = 16};
  auto raised = [&](int64_t tokens) { return rope_for(rope, tokens).theta / 10000; };
  EXPECT_EQ(raised(1), 1);
  EXPECT_EQ(raised(16), 1);
  EXPECT_DOUBLE_EQ(raised(17), std::pow(3, 1.2));
  EXPECT_DOUBLE_EQ(raised(32), std::pow(3, 1.2));
  EXPECT_DOUBLE_EQ(raised(33), std::pow(7, 1.2));
  EXPECT_DOUBLE_EQ(raised(65), std::pow(15, 1.2));
  rope.ntk_length = 0;
  EXPECT_EQ(raised(1000), 1);
}

}  // namespace
}  // namespace slm
