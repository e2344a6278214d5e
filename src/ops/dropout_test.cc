#include "ops/dropout.h"

#include <cmath>

#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

class DropoutTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, DropoutTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

Op dropout_op(double rate, uint64_t stream = 3, int64_t first_row = 5) {
  return [=](Context& cx, const Inputs& in) {
    cx.dropout = {.rate = rate, .seed = 7, .first_row = first_row};
    return dropout(cx, in[0], stream);
  };
}

TEST_P(DropoutTest, MatchesTheReference) {
  for (int64_t width : {1, 7, 64})
    expect_close_to_reference({random({9, width}, 1)}, dropout_op(0.3));
}

std::vector<float> run(double rate, uint64_t stream, int64_t first_row, int64_t rows) {
  auto backend = make_cpu_backend({.threads = 2});
  Context cx{*backend};
  Tensor x = Tensor::host({rows, 50}, DType::kF32);
  for (float& v : x.span<float>()) v = 1;
  Tensor y = dropout_op(rate, stream, first_row)(cx, {x});
  auto values = y.span<const float>();
  return {values.begin(), values.end()};
}

// A value is 0 with probability p: of n values, p n are, with a deviation of sqrt(n p (1 - p)); six
// of them never happen.
TEST(Dropout, DropsTheShareItIsToldAndKeepsTheMean) {
  for (double rate : {0.1, 0.5}) {
    std::vector<float> y = run(rate, 1, 0, 400);
    double n = double(y.size()), dropped = double(std::count(y.begin(), y.end(), 0.0f));
    EXPECT_NEAR(dropped, rate * n, 6 * std::sqrt(n * rate * (1 - rate)));
    for (float v : y) ASSERT_TRUE(v == 0 || v == float(1 / (1 - rate)));
  }
}

TEST(Dropout, DependsOnPlaceAndRowAlone) {
  std::vector<float> all = run(0.5, 1, 0, 40), later = run(0.5, 1, 10, 30);
  EXPECT_TRUE(std::equal(later.begin(), later.end(), all.begin() + 10 * 50));
  EXPECT_NE(all, run(0.5, 2, 0, 40));
}

TEST(Dropout, OfNothingIsTheTensorItself) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor x = random({2, 3}, 1);
  EXPECT_EQ(dropout(cx, x, 0).bytes_data(), x.bytes_data());
}

}  // namespace
}  // namespace slm
