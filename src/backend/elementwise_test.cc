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
  Tensor from = converted(x, GetParam().dtype), there = to_device(*backend, from);
  for (DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
    Tensor to = backend->empty({1003}, type), expected = converted(from, type);
    backend->copy(there, to);
    expect_same_bits("the copy", to_host(*backend, to), expected);
  }
}

// Integers and blocks too, there and back again.
TEST_P(ElementwiseTest, CopyKeepsTheBitsOfEqualTypes) {
  auto backend = GetParam().make(2);
  Tensor plain = converted(random({3, 64}, 1), GetParam().dtype);
  for (const Tensor& from : {plain, to_dtype(plain, DType::kQ8_0), to_dtype(plain, DType::kQ4_0),
                             Tensor::of(std::vector<int32_t>{7, -1, 1 << 30}, {3})}) {
    Tensor there = backend->empty(from.shape(), from.dtype());
    Tensor further = backend->empty(from.shape(), from.dtype());
    Tensor back = Tensor::host(from.shape(), from.dtype());
    backend->copy(from, there);
    backend->copy(there, further);
    backend->copy(further.rows(1, 3), back.rows(1, 3));
    backend->copy(there.rows(0, 1), back.rows(0, 1));
    expect_same_bits("the copy", back, from);
  }
}

// From the host into another type there, and the other way round.
TEST_P(ElementwiseTest, CopyRoundsOnTheWay) {
  auto backend = GetParam().make(2);
  Tensor from = converted(random({2, 64}, 1), GetParam().dtype);
  for (DType type :
       {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0, DType::kQ4_0, DType::kQ5_1}) {
    Tensor there = backend->empty({2, 64}, type), back = Tensor::host({2, 64}, type);
    backend->copy(from, there);
    expect_same_bits("what arrives there", to_host(*backend, there), to_dtype(from, type));
    backend->copy(to_device(*backend, from), back);
    expect_same_bits("what arrives here", back, to_dtype(from, type));
    backend->zero(there);
    backend->copy(to_device(*backend, from), there);
    expect_same_bits("what stays there", to_host(*backend, there), to_dtype(from, type));
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
    Tensor sum = Tensor::host(in[0].shape(), in[0].dtype());
    std::memset(sum.bytes_data(), 0xff, size_t(sum.bytes()));
    sum = to_device(cx.backend, sum);
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
  auto got = [&](int threads) {
    auto backend = GetParam().make(threads);
    return backend->sum_squares(to_device(*backend, x));
  };
  EXPECT_NEAR(got(2), expected, 4 * epsilon(DType::kF32) * expected);
  EXPECT_EQ(got(2), got(1));
}

TEST_P(ElementwiseTest, SumsOfSquaresOfBlocks) {
  auto backend = GetParam().make(2);
  Tensor x = to_device(*backend, converted(random({250}, 1), GetParam().dtype));
  std::vector<double> expected;
  for (int64_t at : {0, 100, 200})
    expected.push_back(backend->sum_squares(x.slice(at, std::min<int64_t>(at + 100, 250))));
  EXPECT_EQ(backend->block_squares(x, 100), expected);
}

TEST_P(ElementwiseTest, CopiesRunsOfRows) {
  auto backend = GetParam().make(2);
  Tensor from = converted(random({6, 2, 16}, 1), GetParam().dtype);
  for (DType type : {GetParam().dtype, DType::kF16, DType::kQ8_0, DType::kQ4_0}) {
    Tensor to = backend->empty({5, 32}, type), expected = Tensor::host({5, 32}, type);
    const std::vector<RowRun> runs{{4, 0, 2}, {0, 3, 1}, {2, 4, 1}, {4, 2, 1}};
    backend->copy_rows(to_device(*backend, from), to, runs);
    for (const RowRun& run : runs)
      make_reference_backend()->copy(from.rows(run.from, run.from + run.count),
                                     expected.rows(run.to, run.to + run.count));
    expect_same_bits("the rows", to_host(*backend, to), expected);
  }
}

TEST_P(ElementwiseTest, ZeroClearsOnlyItsView) {
  auto backend = GetParam().make(2);
  Tensor x = to_device(*backend, converted(random({9}, 1), GetParam().dtype));
  backend->zero(x.slice(2, 7));
  Tensor left = converted(to_host(*backend, x), DType::kF64);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(left.data<double>()[i] == 0, 2 <= i && i < 7) << i;
}

}  // namespace
}  // namespace slm
