#include "ops/forget.h"

#include <cstring>

#include "ops/activation.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "support/op_test.h"
#include "util/error.h"

namespace slm {
namespace {

using namespace testing;

Inputs random_inputs() {
  return {random({6, 10}, 1), random({10}, 2), random({14, 10}, 3), random({10, 14}, 4)};
}

Tensor mlp(Context& cx, const Inputs& in, bool forgetful) {
  Tensor n = norm(cx, in[0], in[1], {}, {});
  Tensor u = linear(cx, n, in[2]);
  if (forgetful) forget(cx, n, [=](Context& c) { return norm(c, in[0], in[1], {}, {}); });
  Tensor h = activation(cx, u, Activation::kGelu);
  Tensor y = linear(cx, h, in[3]);
  if (forgetful) forget(cx, h, [=](Context& c) { return activation(c, u, Activation::kGelu); });
  return y;
}

class ForgetTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, ForgetTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(ForgetTest, ChangesNoBit) {
  auto backend = GetParam().make(2);
  auto run = [&](bool forgetful) {
    Tape tape(*backend);
    Context cx{*backend, &tape};
    Inputs in, results;
    for (const Tensor& t : random_inputs()) {
      in.push_back(to_device(*backend, converted(t, GetParam().dtype)));
      results.push_back(backend->empty(t.shape(), GetParam().dtype));
      backend->zero(results.back());
      tape.bind(in.back(), results.back());
    }
    results.push_back(mlp(cx, in, forgetful));
    Tensor dy = converted(random(results.back().shape(), 9), GetParam().dtype);
    tape.backward(results.back(), to_device(*backend, dy));
    for (Tensor& t : results) t = to_host(*backend, t);
    return results;
  };
  Inputs expected = run(false), got = run(true);
  for (size_t i = 0; i < got.size(); ++i) expect_same_bits(std::to_string(i), got[i], expected[i]);
}

TEST(Forget, HoldsNothingUntilTheBackwardPass) {
  auto backend = make_reference_backend();
  Tape tape(*backend);
  Context cx{*backend, &tape};
  Tensor x = random({2, 4}, 1), grad = Tensor::host({2, 4}, DType::kF32);
  backend->zero(grad);
  tape.bind(x, grad);
  Tensor h = activation(cx, x, Activation::kSilu);
  Tensor y = activation(cx, h, Activation::kSilu);
  forget(cx, h, [=](Context& c) { return activation(c, x, Activation::kSilu); });
  EXPECT_EQ(h.bytes_data(), nullptr);
  tape.backward(y, random({2, 4}, 2));
  EXPECT_NE(h.bytes_data(), nullptr);
}

TEST(Forget, NeedsAWholeStorage) {
  auto backend = make_reference_backend();
  Tape tape(*backend);
  Context cx{*backend, &tape};
  Tensor x = random({2, 4}, 1);
  tape.bind(x, Tensor::host({2, 4}, DType::kF32));
  EXPECT_THROW(discard(cx, x.rows(0, 1)), Error);
  EXPECT_NE(x.bytes_data(), nullptr);
}

TEST(Forget, IsForTrainingOnly) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor x = random({2, 4}, 1);
  forget(cx, x, {});
  discard(cx, x);
  EXPECT_NE(x.bytes_data(), nullptr);
}

}  // namespace
}  // namespace slm
