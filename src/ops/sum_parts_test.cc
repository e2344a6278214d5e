#include "ops/sum_parts.h"

#include "ops/add.h"
#include "ops/linear.h"
#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

class SumPartsTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, SumPartsTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

// Processes that all hold the same: a sum over four of them is four times what one has.
SumParts four_times(Backend& backend) {
  return [&backend](const Tensor& t) { backend.accumulate(4, t, {t, 0}); };
}

std::vector<float> numbers(Backend& backend, const Tensor& t) {
  Tensor wide = to_dtype(to_host(backend, t), DType::kF32);
  return {wide.data<float>(), wide.data<float>() + wide.elements()};
}

std::vector<float> times_four(std::vector<float> values) {
  for (float& x : values) x *= 4;  // exact, in every format
  return values;
}

TEST_P(SumPartsTest, AddsUpForward) {
  auto backend = GetParam().make(2);
  Context cx{*backend};
  Tensor x = to_device(*backend, converted(random({3, 17}, 1), GetParam().dtype));
  Tensor w = to_device(*backend, converted(random({17, 17}, 2), GetParam().dtype));
  SumParts sum = four_times(*backend);
  Tensor one = linear(cx, read_by_parts(cx, x, sum), w);
  std::vector<float> before = numbers(*backend, one);
  EXPECT_EQ(numbers(*backend, sum_of_parts(one, {})), before);
  EXPECT_EQ(numbers(*backend, sum_of_parts(one, sum)), times_four(before));
}

// h is read twice by the part, once of these through a product that is added up.
std::vector<float> gradient(const OpCase& c, bool summed) {
  auto backend = c.make(2);
  SumParts sum;
  if (summed) sum = four_times(*backend);
  auto there = [&](const Shape& shape, uint64_t stream) {
    return to_device(*backend, converted(random(shape, stream), c.dtype));
  };
  Tensor x = there({3, 17}, 1), w = there({17, 17}, 2), dy = there({3, 17}, 3);
  Tensor dx = backend->empty(x.shape(), c.dtype);
  Tape tape(*backend);
  tape.bind(x, dx, 0);
  Context cx{*backend, &tape};
  Tensor h = axpy(cx, 0.5f, x, x);
  Tensor read = read_by_parts(cx, h, sum);
  Tensor y = axpy(cx, 1, sum_of_parts(linear(cx, read, w), sum), read);
  tape.backward(y, dy);
  return numbers(*backend, dx);
}

TEST_P(SumPartsTest, AddsUpGradientsOfAllReadersOnce) {
  EXPECT_EQ(gradient(GetParam(), true), times_four(gradient(GetParam(), false)));
}

TEST_P(SumPartsTest, AsksForNothingWithoutAGradient) {
  auto backend = GetParam().make(2);
  Tensor x = converted(random({3, 17}, 1), GetParam().dtype);
  int sums = 0;
  SumParts count = [&](const Tensor&) { ++sums; };
  Tape tape(*backend);
  Context cx{*backend, &tape};
  EXPECT_EQ(read_by_parts(cx, x, count).storage(), x.storage());
  EXPECT_EQ(sums, 0);
}

}  // namespace
}  // namespace slm
