#include "ops/activation.h"

#include "ops/linear.h"
#include "support/op_fixture.h"
#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

constexpr Activation kAll[] = {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
                               Activation::kQuickGelu, Activation::kRelu};

Op activation_op(Activation kind) {
  return [kind](Context& cx, const Inputs& in) { return activation(cx, in[0], kind); };
}

Op gated_op(Activation kind) {
  return [kind](Context& cx, const Inputs& in) { return gated(cx, in[0], in[1], kind); };
}

class ActivationTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, ActivationTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(ActivationTest, EveryKind) {
  for (Activation kind : kAll)
    for (int64_t width : {1, 19, 256})
      expect_close_to_reference({random({3, width}, 1, 2)}, activation_op(kind));
}

TEST_P(ActivationTest, FarFromZero) {
  for (double size : {5.0, 8.0, 20.0, 100.0, 1000.0, 60000.0}) {
    Tensor x = Tensor::host({1, 2}, DType::kF64);
    x.data<double>()[0] = -size;
    x.data<double>()[1] = size;
    for (Activation kind : kAll) expect_close_to_reference({x}, activation_op(kind));
  }
}

TEST_P(ActivationTest, Gated) {
  for (Activation kind : kAll)
    expect_close_to_reference({random({5, 37}, 1), random({5, 37}, 2)}, gated_op(kind));
}

TEST_P(ActivationTest, GatesItself) {
  expect_close_to_reference({random({2, 50}, 1)}, [](Context& cx, const Inputs& in) {
    return gated(cx, in[0], in[0], Activation::kSilu);
  });
}

class ActivationFixtures : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, ActivationFixtures, ::testing::ValuesIn(every_backend()),
                         case_name);

TEST_P(ActivationFixtures, Match) {
  std::pair<const char*, Activation> fixtures[] = {{"silu", Activation::kSilu},
                                                   {"gelu_erf", Activation::kGelu},
                                                   {"gelu_tanh", Activation::kGeluTanh},
                                                   {"quick_gelu", Activation::kQuickGelu},
                                                   {"relu", Activation::kRelu}};
  for (auto [name, kind] : fixtures) {
    SCOPED_TRACE(name);
    OpFixture f(name);
    expect_matches({f.at("x")}, activation_op(kind), {f.at("dy"), f.at("y"), {f.at("dx")}});
  }
}

TEST_P(ActivationFixtures, MatchSwiGlu) {
  OpFixture f("swiglu");
  expect_matches({f.at("gate"), f.at("up")}, gated_op(Activation::kSilu),
                 {f.at("dy"), f.at("y"), {f.at("dgate"), f.at("dup")}});
}

TEST_P(ActivationFixtures, MatchSwiGluMlp) {
  OpFixture f("swiglu_mlp");
  auto mlp = [](Context& cx, const Inputs& in) {
    Tensor gate = linear(cx, in[0], in[1]), up = linear(cx, in[0], in[2]);
    return linear(cx, gated(cx, gate, up, Activation::kSilu), in[3]);
  };
  expect_matches(
      {f.at("x"), f.at("w_gate"), f.at("w_up"), f.at("w_down")}, mlp,
      {f.at("dy"), f.at("y"), {f.at("dx"), f.at("dw_gate"), f.at("dw_up"), f.at("dw_down")}, 37});
}

TEST(ActivationGradients, AreDifferences) {
  for (Activation kind : kAll) {
    expect_gradients_match_differences({random({2, 30}, 1, 2)}, activation_op(kind));
    expect_gradients_match_differences({random({2, 30}, 1), random({2, 30}, 2)}, gated_op(kind));
  }
}

}  // namespace
}  // namespace slm
