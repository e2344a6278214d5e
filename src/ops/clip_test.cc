#include "ops/clip.h"

#include "support/op_test.h"
#include "util/error.h"

namespace slm {
namespace {

using namespace testing;

Op clip_op(float limit) {
  return [limit](Context& cx, const Inputs& in) { return clip(cx, in[0], limit); };
}

class ClipTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, ClipTest, ::testing::ValuesIn(every_backend()), case_name);

TEST_P(ClipTest, ManyValues) {
  for (float limit : {0.5f, 2.0f}) expect_close_to_reference({random({37, 21}, 1)}, clip_op(limit));
}

TEST_P(ClipTest, OfKnownNumbers) {
  auto backend = GetParam().make(1);
  Tape tape(*backend);
  Context cx{*backend, &tape};
  std::vector<float> values{-3, -2, -1, 0, 2, 2.5f}, slopes{1, 2, 3, 4, 5, 6};
  Tensor x = to_device(*backend, Tensor::of(values, {6}));
  Tensor dx = backend->empty({6}, DType::kF32);
  tape.bind(x, dx, 0);
  Tensor y = clip(cx, x, 2);
  tape.backward(y, to_device(*backend, Tensor::of(slopes, {6})));
  y = to_host(*backend, y);
  dx = to_host(*backend, dx);
  float clipped[] = {-2, -2, -1, 0, 2, 2}, passed[] = {0, 2, 3, 4, 5, 0};
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(y.data<float>()[i], clipped[i]) << i;
    EXPECT_EQ(dx.data<float>()[i], passed[i]) << i;
  }
}

TEST(ClipGradients, AreDifferences) {
  expect_gradients_match_differences({random({7, 5}, 1)}, clip_op(0.7f));
}

TEST(Clip, RefusesALimitOfNothing) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  EXPECT_THROW(clip(cx, Tensor::of(std::vector<float>{1}, {1}), 0), Error);
}

}  // namespace
}  // namespace slm
