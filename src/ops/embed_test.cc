#include "ops/embed.h"

#include "support/op_test.h"
#include "util/error.h"

namespace slm {
namespace {

using namespace testing;

Tensor ids(std::vector<int32_t> values) { return Tensor::of(values, {int64_t(values.size())}); }

class EmbedTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, EmbedTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(EmbedTest, RepeatedAndUnusedRows) {
  Tensor tokens = ids({3, 0, 3, 8, 3, 1, 0});
  for (float scale : {1.0f, 0.7f})
    expect_close_to_reference({random({9, 21}, 1)}, [=](Context& cx, const Inputs& in) {
      return embed(cx, tokens, in[0], scale, in[0].dtype());
    });
}

TEST_P(EmbedTest, IntoActivationsOfF32) {
  Tensor tokens = ids({2, 0, 2});
  expect_close_to_reference({random({4, 33}, 1)}, [=](Context& cx, const Inputs& in) {
    DType type = in[0].dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
    return embed(cx, tokens, in[0], 1, type);
  });
}

TEST_P(EmbedTest, TablesInBlocks) {
  Tensor tokens = ids({3, 0, 3, 8});
  for (DType type : {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                     DType::kQ4_K, DType::kQ5_K, DType::kQ6_K})
    expect_result_close_to_reference(
        {to_dtype(random({9, 512}, 1), type)}, [&](Context& cx, const Inputs& in) {
          DType activations = in[0].dtype() == DType::kF64 ? DType::kF64 : GetParam().dtype;
          return embed(cx, tokens, in[0], 0.7f, activations);
        });
}

TEST(EmbedGradients, AreDifferences) {
  expect_gradients_match_differences({random({5, 4}, 1)}, [](Context& cx, const Inputs& in) {
    return embed(cx, ids({1, 4, 1, 0}), in[0], 0.5f, DType::kF64);
  });
}

TEST(Embed, OfKnownNumbers) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor y = embed(cx, ids({2, 0}), Tensor::of(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2}), 0.5f);
  float expected[] = {2.5f, 3, 0.5f, 1};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y.data<float>()[i], expected[i]);
}

TEST(EmbedGradients, PaddingRowTakesNone) {
  auto backend = make_reference_backend();
  Tape tape(*backend);
  Context cx{*backend, &tape};
  std::vector<float> values{1, 2, 3, 4, 5, 6}, ones(8, 1);
  Tensor table = Tensor::of(values, {3, 2}), grad = Tensor::of(values, {3, 2});
  Tensor dy = Tensor::of(ones, {4, 2});
  tape.bind(table, grad, 0);
  tape.backward(embed(cx, ids({2, 0, 2, 1}), table, 1, DType::kF32, 2), dy);
  float expected[] = {1, 1, 1, 1, 0, 0};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(grad.data<float>()[i], expected[i]) << i;
  for (float x : dy.span<const float>()) EXPECT_EQ(x, 1);  // the caller's gradient stays as it was
}

TEST(Embed, RefusesIdsOutsideTheVocabulary) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor table = converted(random({4, 2}, 1), DType::kF32);
  EXPECT_THROW(embed(cx, ids({0, 4}), table), Error);
  EXPECT_THROW(embed(cx, ids({-1}), table), Error);
}

}  // namespace
}  // namespace slm
