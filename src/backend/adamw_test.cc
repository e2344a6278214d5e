#include <cmath>

#include "support/op_fixture.h"
#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

class AdamWTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, AdamWTest, ::testing::ValuesIn(every_backend()), case_name);

struct State {
  Tensor value, grad, m, v;

  AdamWArgs args(int64_t step) const {
    return {.value = value,
            .grad = grad,
            .m = m,
            .v = v,
            .lr = 0.003,
            .beta1 = 0.9,
            .beta2 = 0.95,
            .eps = 1e-6,
            .weight_decay = 0.1,
            .step = step};
  }
};

// One step, as a function of the four tensors; the result is one of them.
Op adamw_op(Tensor State::*result, int64_t step) {
  return [=](Context& cx, const Inputs& in) {
    State s;
    Tensor* copies[] = {&s.value, &s.grad, &s.m, &s.v};
    for (size_t i = 0; i < 4; ++i) {
      *copies[i] = cx.backend.empty(in[i].shape(), in[i].dtype());
      cx.backend.copy(in[i], *copies[i]);
    }
    AdamWArgs args = s.args(step);
    args.grad_scale = 0.7f;
    cx.backend.adamw(args);
    return s.*result;
  };
}

TEST_P(AdamWTest, OneStep) {
  Tensor v = random({517}, 4);
  for (double& x : v.span<double>()) x = x * x;
  Inputs in = {random({517}, 1), random({517}, 2), random({517}, 3), v};
  for (int64_t step : {1, 7, 100000})
    for (auto result : {&State::value, &State::m, &State::v})
      expect_result_close_to_reference(in, adamw_op(result, step));
}

// The working values are the new ones, rounded: the same numbers as in a step without them.
TEST_P(AdamWTest, RoundsIntoTheWorkingValues) {
  auto backend = GetParam().make(2);
  for (DType type : {DType::kBF16, DType::kF16}) {
    State s, alone;
    Tensor* of[] = {&s.value, &s.grad, &s.m, &s.v, &alone.value, &alone.grad, &alone.m, &alone.v};
    for (size_t i = 0; i < 8; ++i) {
      *of[i] = converted(random({20'000}, i % 4), DType::kF32);
      if (i % 4 == 3)
        for (float& x : of[i]->span<float>()) x = x * x;
      *of[i] = to_device(*backend, *of[i]);
    }
    AdamWArgs args = s.args(3);
    args.working = backend->empty({20'000}, type);
    backend->adamw(args);
    backend->adamw(alone.args(3));
    Tensor value = to_host(*backend, alone.value);
    expect_same_bits("the value", to_host(*backend, s.value), value);
    expect_same_bits("the working value", to_host(*backend, args.working), converted(value, type));
  }
}

// Six steps: each rounds the value once, and its change, of at most about lr, a few times.
TEST_P(AdamWTest, MatchesFixtures) {
  for (const char* name : {"adamw_decay", "adamw_nodecay"}) {
    SCOPED_TRACE(name);
    OpFixture f(name);
    auto backend = GetParam().make(2);
    State s{to_device(*backend, converted(f.at("p0"), DType::kF32)),
            {},
            backend->empty({5, 7}, DType::kF32),
            backend->empty({5, 7}, DType::kF32)};
    backend->zero(s.m);
    backend->zero(s.v);
    double eps = epsilon(DType::kF32), largest = 0;
    for (int64_t step = 1; step <= 6; ++step) {
      Tensor grad = f.at("grads").rows(step - 1, step).reshape({5, 7});
      s.grad = to_device(*backend, grad);
      AdamWArgs args = s.args(step);
      if (std::string(name) == "adamw_nodecay") args.weight_decay = 0;
      backend->adamw(args);
      Tensor expected = f.at("p").rows(step - 1, step), value = to_host(*backend, s.value);
      for (int64_t i = 0; i < 35; ++i) {
        double p = expected.data<float>()[i];
        largest = std::max(largest, std::abs(double(grad.data<float>()[i])));
        ASSERT_NEAR(value.data<float>()[i], p, double(step) * eps * (std::abs(p) + 8 * args.lr))
            << "step " << step << ", element " << i;
      }
    }
    Tensor m = to_host(*backend, s.m), v = to_host(*backend, s.v);
    for (int64_t i = 0; i < 35; ++i) {
      EXPECT_NEAR(m.data<float>()[i], f.at("exp_avg").data<float>()[i], 6 * eps * largest);
      EXPECT_NEAR(v.data<float>()[i], f.at("exp_avg_sq").data<float>()[i],
                  6 * eps * largest * largest);
    }
  }
}

}  // namespace
}  // namespace slm
