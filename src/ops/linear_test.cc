#include "ops/linear.h"

#include <algorithm>

#include "support/op_test.h"
#include "util/error.h"

namespace slm {
namespace {

using namespace testing;

Tensor apply(Context& cx, const Inputs& in) { return linear(cx, in[0], in[1], in[2]); }

class LinearTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, LinearTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(LinearTest, Shapes) {
  struct Size {
    int64_t rows, in, out;
  };
  for (auto [rows, in, out] : {Size{1, 1, 1}, Size{1, 67, 130}, Size{2, 64, 3}, Size{9, 33, 48},
                               Size{37, 128, 17}, Size{64, 32, 64}}) {
    SCOPED_TRACE(::testing::Message() << rows << " x " << in << " x " << out);
    expect_close_to_reference({random({rows, in}, 1), random({out, in}, 2), random({out}, 3)},
                              apply, std::max({rows, in, out}));
  }
}

TEST_P(LinearTest, WithoutBias) {
  expect_close_to_reference({random({7, 40}, 1), random({24, 40}, 2), {}}, apply, 40);
}

Tensor apply_scaled(Context& cx, const Inputs& in) {
  return linear(cx, in[0], in[1], in[2], 0.22f);
}

TEST_P(LinearTest, Scaled) {
  expect_close_to_reference({random({7, 40}, 1), random({24, 40}, 2), random({24}, 3)},
                            apply_scaled, 40);
}

TEST_P(LinearTest, WeightsOfAnotherType) {
  for (DType type : {DType::kF32, DType::kBF16, DType::kF16})
    for (int64_t rows : {1, 6, 35})
      expect_close_to_reference({random({rows, 48}, 1), converted(random({33, 48}, 2), type),
                                 converted(random({33}, 3), type)},
                                apply, 48);
}

// Kernels see activations in f32 whatever their type: two formats do for the others.
TEST_P(LinearTest, WeightsInBlocks) {
  std::vector<DType> types{DType::kQ4_0, DType::kQ6_K};
  if (GetParam().dtype == DType::kF32)
    types = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
             DType::kQ8_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};
  for (DType type : types) {
    int64_t width = 3 * traits(type).block_elems;  // 768: more than one panel deep
    Tensor w = to_dtype(random({35, width}, 2), type), part = w.rows(3, 12);
    Tensor bias = converted(random({35}, 3), DType::kF32);
    for (int64_t rows : {1, 7, 13}) {
      SCOPED_TRACE(::testing::Message() << rows << " rows, weight in " << traits(type).name);
      if (rows == 7)
        expect_result_close_to_reference({random({rows, width}, 1), part, {}}, apply, width);
      else
        expect_result_close_to_reference({random({rows, width}, 1), w, bias}, apply, width);
    }
  }
}

TEST_P(LinearTest, TellsItsWeightAndInput) {
  auto backend = GetParam().make(1);
  Tensor x = to_device(*backend, converted(random({2, 8}, 1), GetParam().dtype)),
         w = to_device(*backend, converted(random({3, 8}, 2), x.dtype()));
  int told = 0;
  std::function<void(const Tensor&, const Tensor&)> hook = [&](const Tensor& weight,
                                                               const Tensor& input) {
    told += weight.storage() == w.storage() && input.storage() == x.storage();
  };
  Context cx{*backend};
  cx.on_linear = &hook;
  linear(cx, x, w);
  EXPECT_EQ(told, 1);
}

TEST_P(LinearTest, ReadsHalvesOfAFusedWeight) {
  expect_close_to_reference(
      {random({5, 24}, 1), random({22, 24}, 2)},
      [](Context& cx, const Inputs& in) {
        Tensor a = linear(cx, in[0], in[1].rows(0, 11));
        return linear(cx, a, in[1].rows(11, 22).reshape({24, 11}));
      },
      24);
}

TEST(LinearGradients, AreDifferences) {
  for (const Op& op : {Op(apply), Op(apply_scaled)})
    expect_gradients_match_differences({random({4, 7}, 1), random({5, 7}, 2), random({5}, 3)}, op);
}

TEST(Linear, ScalesTheProductAndNotTheBias) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor x = Tensor::of(std::vector<float>{1, 2}, {1, 2}),
         w = Tensor::of(std::vector<float>{3, 4}, {1, 2});
  EXPECT_EQ(*linear(cx, x, w, Tensor::of(std::vector<float>{5}, {1}), 0.5f).data<float>(), 10.5f);
}

TEST(Linear, RefusesShapesThatDoNotFit) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor x = Tensor::host({2, 3}, DType::kF32), w = Tensor::host({4, 5}, DType::kF32);
  EXPECT_THROW(linear(cx, x, w), Error);
  EXPECT_THROW(linear(cx, x.reshape({2, 1, 3}), Tensor::host({4, 3}, DType::kF32)), Error);
  EXPECT_THROW(linear(cx, x, Tensor::host({4, 3}, DType::kF32), Tensor::host({5}, DType::kF32)),
               Error);
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "not refused";
}

TEST(Linear, BlocksAreForWeightsOfInference) {
  for (const OpCase& c : every_backend()) {
    auto backend = c.make(1);
    Tensor plain = converted(random({64, 64}, 1), DType::kF32),
           blocks = to_device(*backend, to_dtype(plain, DType::kQ4_0));
    plain = to_device(*backend, plain);
    Tensor out = backend->empty({64, 64}, DType::kF32);
    for (const GemmArgs& args :
         {GemmArgs{.a = blocks, .b = plain, .c = out}, GemmArgs{.a = plain, .b = blocks, .c = out},
          GemmArgs{.a = plain, .b = plain, .c = blocks}})
      EXPECT_NE(refusal([&] { backend->gemm(args); }).find("q4_0"), std::string::npos) << c.backend;

    Tape tape(*backend);
    Tensor grad = backend->empty({64, 64}, DType::kF32);
    tape.bind(plain, grad);
    Context cx{*backend, &tape};
    EXPECT_NE(refusal([&] { linear(cx, plain, blocks); }).find("no derivative"), std::string::npos);
  }
}

}  // namespace
}  // namespace slm
