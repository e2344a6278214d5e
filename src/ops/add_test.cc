#include "ops/add.h"

#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

class AddTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, AddTest, ::testing::ValuesIn(every_backend_and_dtype()), case_name);

TEST_P(AddTest, ScalesTheFirst) {
  for (int64_t width : {1, 31, 200})
    expect_close_to_reference(
        {random({3, width}, 1), random({3, width}, 2)},
        [](Context& cx, const Inputs& in) { return axpy(cx, 0.75f, in[0], in[1]); });
}

TEST_P(AddTest, OneInputTwice) {
  expect_close_to_reference({random({3, 17}, 1)}, [](Context& cx, const Inputs& in) {
    return axpy(cx, -3, in[0], in[0]);
  });
}

TEST_P(AddTest, InputsUsedAgainLater) {
  expect_close_to_reference({random({3, 17}, 1), random({3, 17}, 2)},
                            [](Context& cx, const Inputs& in) {
                              Tensor sum = axpy(cx, 1, in[0], in[1]);
                              return axpy(cx, 0.5f, axpy(cx, 2, sum, in[0]), sum);
                            });
}

TEST_P(AddTest, OverlappingViewsOfOneActivation) {
  expect_close_to_reference({random({5, 17}, 1), random({5, 17}, 2)},
                            [](Context& cx, const Inputs& in) {
                              Tensor sum = axpy(cx, 2, in[0], in[1]);
                              return axpy(cx, 0.5f, sum.rows(1, 4), sum.rows(0, 3));
                            });
}

TEST(AddGradients, AreDifferences) {
  expect_gradients_match_differences(
      {random({3, 5}, 1), random({3, 5}, 2)},
      [](Context& cx, const Inputs& in) { return axpy(cx, 0.75f, in[0], in[1]); });
}

TEST(Add, OfKnownNumbers) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor y = axpy(cx, 3, Tensor::of(std::vector<float>{1, -2}, {2}),
                  Tensor::of(std::vector<float>{10, 0.5f}, {2}));
  EXPECT_EQ(y.data<float>()[0], 13);
  EXPECT_EQ(y.data<float>()[1], -5.5f);
}

}  // namespace
}  // namespace slm
