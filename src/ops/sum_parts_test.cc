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
void four_times(const Tensor& t) {
  Tensor wide = to_dtype(t, DType::kF32);
  for (float& x : wide.span<float>()) x *= 4;
  if (wide.storage() != t.storage())
    traits(t.dtype()).from_f32(wide.data<float>(), t.bytes_data(), t.elements());
}

std::vector<float> numbers(const Tensor& t) {
  Tensor wide = to_dtype(t, DType::kF32);
  return {wide.data<float>(), wide.data<float>() + wide.elements()};
}

std::vector<float> times_four(std::vector<float> values) {
  for (float& x : values) x *= 4;  // exact, in every format
  return values;
}

TEST_P(SumPartsTest, AddsUpForward) {
  auto backend = GetParam().make(2);
  Context cx{*backend};
  Tensor x = converted(random({3, 17}, 1), GetParam().dtype);
  Tensor w = converted(random({17, 17}, 2), GetParam().dtype);
  Tensor one = linear(cx, read_by_parts(cx, x, four_times), w);
  std::vector<float> before = numbers(one);
  EXPECT_EQ(numbers(sum_of_parts(one, {})), before);
  EXPECT_EQ(numbers(sum_of_parts(one, four_times)), times_four(before));
}

// h is read twice by the part, once of these through a product that is added up.
std::vector<float> gradient(const OpCase& c, const SumParts& sum) {
  auto backend = c.make(2);
  Tensor x = converted(random({3, 17}, 1), c.dtype), w = converted(random({17, 17}, 2), c.dtype);
  Tensor dy = converted(random({3, 17}, 3), c.dtype), dx = Tensor::host(x.shape(), c.dtype);
  Tape tape(*backend);
  tape.bind(x, dx, 0);
  Context cx{*backend, &tape};
  Tensor h = axpy(cx, 0.5f, x, x);
  Tensor read = read_by_parts(cx, h, sum);
  Tensor y = axpy(cx, 1, sum_of_parts(linear(cx, read, w), sum), read);
  tape.backward(y, dy);
  return numbers(dx);
}

TEST_P(SumPartsTest, AddsUpGradientsOfAllReadersOnce) {
  EXPECT_EQ(gradient(GetParam(), four_times), times_four(gradient(GetParam(), {})));
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
