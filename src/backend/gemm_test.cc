#include <cmath>

#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

class GemmTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, GemmTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

struct Transposes {
  bool a, b;
};

// c = alpha op(a) op(b) + beta c + bias, where input 3 is what c holds before.
Op gemm_op(Transposes transposed, float alpha, float beta) {
  return [=](Context& cx, const Inputs& in) {
    Tensor c = cx.backend.empty(in[3].shape(), in[3].dtype());
    cx.backend.copy(in[3], c);
    cx.backend.gemm({.a = in[0],
                     .b = in[1],
                     .c = c,
                     .transpose_a = transposed.a,
                     .transpose_b = transposed.b,
                     .alpha = alpha,
                     .beta = beta,
                     .bias = in[2]});
    return c;
  };
}

Inputs random_inputs(int64_t m, int64_t n, int64_t k, Transposes transposed) {
  return {random(transposed.a ? Shape{k, m} : Shape{m, k}, 1),
          random(transposed.b ? Shape{n, k} : Shape{k, n}, 2), random({n}, 3), random({m, n}, 4)};
}

TEST_P(GemmTest, EveryTransposition) {
  for (Transposes t : {Transposes{false, false}, Transposes{false, true}, Transposes{true, false},
                       Transposes{true, true}}) {
    SCOPED_TRACE(::testing::Message() << t.a << t.b);
    expect_result_close_to_reference(random_inputs(13, 37, 29, t), gemm_op(t, 1, 0), 29);
    expect_result_close_to_reference(random_inputs(1, 70, 64, t), gemm_op(t, 1, 0), 64);
    expect_result_close_to_reference(random_inputs(66, 5, 130, t), gemm_op(t, -0.7f, 0.5f), 130);
  }
}

TEST_P(GemmTest, EveryMixtureOfTypes) {
  DType types[] = {DType::kF32, DType::kBF16, DType::kF16};
  Transposes t{false, true};
  for (DType b : types) {
    for (DType c : types) {
      Inputs in = random_inputs(9, 33, 40, t);
      in[1] = converted(in[1], b);
      in[3] = converted(in[3], c);
      expect_result_close_to_reference(in, gemm_op(t, 0.7f, 0.5f), 40);
    }
  }
}

// bf16 times bf16 may be summed two terms at a time: odd counts, more terms than a panel holds, and
// panels that are not full.
TEST_P(GemmTest, BothOperandsInTheSameType) {
  for (Transposes t : {Transposes{false, false}, Transposes{false, true}, Transposes{true, false},
                       Transposes{true, true}})
    for (int64_t k : {1, 2, 31, 1300}) {
      SCOPED_TRACE(::testing::Message() << t.a << t.b << " " << k);
      Inputs in = random_inputs(29, 45, k, t);
      for (size_t i : {0, 1}) in[i] = converted(in[i], DType::kBF16);
      expect_result_close_to_reference(in, gemm_op(t, 0.7f, 0.5f), k);
    }
}

TEST_P(GemmTest, BetaZeroIgnoresNan) {
  Inputs in = random_inputs(4, 20, 9, {});
  for (double& x : in[3].span<double>()) x = std::nan("");
  expect_result_close_to_reference(in, gemm_op({}, 1, 0));
}

TEST_P(GemmTest, WithoutBiasOrTerms) {
  Inputs in = random_inputs(6, 11, 0, {});
  in[2] = {};
  expect_result_close_to_reference(in, gemm_op({}, 1, 0.5f));
}

}  // namespace
}  // namespace slm
