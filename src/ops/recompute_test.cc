#include "ops/recompute.h"

#include <cstring>

#include "ops/activation.h"
#include "ops/add.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

Inputs random_inputs() {
  return {random({6, 10}, 1), random({10}, 2), random({10}, 3), random({14, 10}, 4),
          random({10, 14}, 5)};
}

// A residual block of two linears; input 0 is x, the rest are parameters.
Tensor block(Context& cx, const Tensor& x, const Inputs& in) {
  Tensor n = norm(cx, x, in[1], in[2], {});
  Tensor h = activation(cx, linear(cx, n, in[3]), Activation::kGelu);
  return axpy(cx, 1, linear(cx, h, in[4]), x);
}

Tensor plain(Context& cx, const Inputs& in) {
  return block(cx, block(cx, in[0], in), in);  // both blocks share their parameters
}

Tensor recomputed(Context& cx, const Inputs& in) {
  auto f = [&in](Context& c, const Tensor& x) { return block(c, x, in); };
  return recompute(cx, recompute(cx, in[0], f), f);
}

Tensor nested(Context& cx, const Inputs& in) {
  auto inner = [&in](Context& c, const Tensor& x) { return block(c, x, in); };
  return recompute(cx, in[0], [inner](Context& c, const Tensor& x) {
    return recompute(c, recompute(c, x, inner), inner);
  });
}

class RecomputeTest : public OpTest {
 protected:
  struct Results {
    Tensor y;
    Inputs grads;
  };

  // With x trainable, or only the parameters.
  Results run(const Op& op, bool train_x) const {
    auto backend = GetParam().make(2);
    Tape tape(*backend);
    Context cx{*backend, &tape};
    Inputs in;
    Results results;
    for (const Tensor& t : random_inputs()) {
      in.push_back(to_device(*backend, converted(t, GetParam().dtype)));
      Tensor& grad = results.grads.emplace_back(backend->empty(t.shape(), GetParam().dtype));
      backend->zero(grad);
      if (in.size() > 1 || train_x) tape.bind(in.back(), grad);
    }
    results.y = op(cx, in);
    Tensor dy = converted(random(results.y.shape(), 9), GetParam().dtype);
    tape.backward(results.y, to_device(*backend, dy));
    results.y = to_host(*backend, results.y);
    for (Tensor& grad : results.grads) grad = to_host(*backend, grad);
    return results;
  }
};
INSTANTIATE_TEST_SUITE_P(Every, RecomputeTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(RecomputeTest, ChangesNoBit) {
  for (bool train_x : {true, false}) {
    Results expected = run(plain, train_x);
    for (const Op& op : {Op(recomputed), Op(nested)}) {
      Results got = run(op, train_x);
      expect_same_bits("the result", got.y, expected.y);
      for (size_t i = 0; i < got.grads.size(); ++i)
        expect_same_bits("gradient " + std::to_string(i), got.grads[i], expected.grads[i]);
    }
  }
}

TEST(RecomputeGradients, AreDifferences) {
  expect_gradients_match_differences(random_inputs(), recomputed);
}

TEST(Recompute, OfNothingTrainableCostsNothingBackwards) {
  auto backend = make_reference_backend();
  Tape tape(*backend);
  Context cx{*backend, &tape};
  Tensor x = converted(random({2, 3}, 1), DType::kF32);
  int calls = 0;
  Tensor y = recompute(cx, x, [&](Context& c, const Tensor& t) {
    ++calls;
    return activation(c, t, Activation::kSilu);
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(y.shape(), x.shape());
}

}  // namespace
}  // namespace slm
