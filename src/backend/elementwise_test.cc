#include <cmath>
#include <cstring>

#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

class ElementwiseTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, ElementwiseTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

// Bit by bit: rounding is to nearest even, in one step.
TEST_P(ElementwiseTest, CopyRoundsToNearestEven) {
  auto backend = GetParam().make(2);
  Tensor x = random({1003}, 1, 1e-3);
  x.data<double>()[0] = 1 + 0x1p-8;
  x.data<double>()[1] = 1 + 0x1p-11;
  x.data<double>()[2] = -INFINITY;
  Tensor from = converted(x, GetParam().dtype);
  for (DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
    Tensor to = backend->empty({1003}, type), expected = converted(from, type);
    backend->copy(from, to);
    EXPECT_EQ(std::memcmp(to.bytes_data(), expected.bytes_data(), size_t(to.bytes())), 0);
  }
}

TEST_P(ElementwiseTest, AccumulateScalesBoth) {
  for (DType type : {DType::kF32, GetParam().dtype})
    expect_result_close_to_reference({random({301}, 1), converted(random({301}, 2), type)},
                                     [](Context& cx, const Inputs& in) {
                                       Tensor sum = cx.backend.empty(in[1].shape(), in[1].dtype());
                                       cx.backend.copy(in[1], sum);
                                       cx.backend.accumulate(0.3f, in[0], {sum, 0.5f});
                                       return sum;
                                     });
}

TEST_P(ElementwiseTest, AccumulateOverwritesNan) {
  expect_result_close_to_reference({random({37}, 1)}, [](Context& cx, const Inputs& in) {
    Tensor sum = converted(in[0], in[0].dtype());
    std::memset(sum.bytes_data(), 0xff, size_t(sum.bytes()));
    cx.backend.accumulate(-2, in[0], {sum, 0});
    return sum;
  });
}

TEST_P(ElementwiseTest, ColumnSum) {
  expect_result_close_to_reference({random({53, 19}, 1), random({19}, 2)},
                                   [](Context& cx, const Inputs& in) {
                                     Tensor sum = cx.backend.empty(in[1].shape(), in[1].dtype());
                                     cx.backend.copy(in[1], sum);
                                     cx.backend.column_sum({in[0], {sum, 0.5f}});
                                     return sum;
                                   });
}

// A sum of n positive terms, each term and each partial sum rounded in f32 at worst in blocks.
TEST_P(ElementwiseTest, SumOfSquares) {
  Tensor x = converted(random({5000}, 1), GetParam().dtype);
  double expected = make_reference_backend()->sum_squares(x);
  double got = GetParam().make(2)->sum_squares(x);
  EXPECT_NEAR(got, expected, 4 * epsilon(DType::kF32) * expected);
  EXPECT_EQ(got, GetParam().make(1)->sum_squares(x));
}

TEST_P(ElementwiseTest, ZeroClearsOnlyItsView) {
  auto backend = GetParam().make(2);
  Tensor x = converted(random({9}, 1), GetParam().dtype);
  backend->zero(x.slice(2, 7));
  Tensor left = converted(x, DType::kF64);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(left.data<double>()[i] == 0, 2 <= i && i < 7) << i;
}

}  // namespace
}  // namespace slm
