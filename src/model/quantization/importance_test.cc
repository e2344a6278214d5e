#include "model/quantization/importance.h"

#include <gtest/gtest.h>

#include "model/load.h"
#include "ops/embed.h"
#include "ops/norm.h"
#include "support/test_data.h"
#include "util/error.h"

namespace slm::testing {
namespace {

class Importance : public ::testing::Test {
 protected:
  size_t index_of(const std::string& name) {
    auto items = model_.parameters.items();
    for (size_t i = 0; i < items.size(); ++i)
      if (items[i].spec.name == name) return i;
    ADD_FAILURE() << "no parameter " << name;
    return 0;
  }
  std::vector<float> mean_squares(const std::string& name) {
    return statistics_.mean_squares(index_of(name));
  }

  std::unique_ptr<Backend> backend_ = make_reference_backend();
  Model model_ = load_model(fixture("stablelm-3b-sharded"), {.dtype = DType::kF32});
  Decoder decoder_ = model_.decoder();
  InputStatistics statistics_{model_.parameters};
  std::vector<int32_t> ids_{1, 5, 2, 9, 0, 7, 3};
};

TEST_F(Importance, IsTheMeanSquareOfWhatAMatrixReads) {
  collect_statistics(*backend_, decoder_, ids_, statistics_);
  Context cx{*backend_};
  const Parameters& p = model_.parameters;
  Tensor x = embed(cx, Tensor::of(ids_, {7}), p.at("embed.weight"));
  Tensor normed = norm(cx, x, p.at("blocks.0.norm1.weight"), p.find("blocks.0.norm1.bias"),
                       decoder_.spec().norm);
  std::vector<float> expected(size_t(x.dim(1)));
  for (int64_t i = 0; i < normed.elements(); ++i) {
    float value = normed.data<float>()[i];
    expected[size_t(i % x.dim(1))] += value * value / 7;
  }
  auto measured = mean_squares("blocks.0.attn.q.weight");
  ASSERT_EQ(measured.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(measured[i], expected[i], 1e-5 * (expected[i] + 1)) << i;
  EXPECT_EQ(mean_squares("blocks.0.attn.v.weight"), measured);
  EXPECT_NE(mean_squares("blocks.1.attn.v.weight"), measured);
}

TEST_F(Importance, CoversEveryMatrixOfTheBlocksAndTheHead) {
  collect_statistics(*backend_, decoder_, ids_, statistics_);
  for (const Parameter& p : model_.parameters.items()) {
    bool matrix = p.spec.shape.rank() == 2 && p.spec.role != ParameterRole::kEmbedding &&
                  p.spec.role != ParameterRole::kNormWeight;
    EXPECT_EQ(mean_squares(p.spec.name).size(), matrix ? size_t(p.spec.shape[1]) : 0)
        << p.spec.name;
  }
}

TEST_F(Importance, CountsPiecesByTheirTokens) {
  int64_t done = 0, let_go = 0;
  collect_statistics(*backend_, decoder_, ids_, statistics_,
                     {.context = 3,
                      .progress =
                          [&](int64_t tokens, int64_t total) {
                            EXPECT_GT(tokens, done);
                            EXPECT_EQ(total, 7);
                            done = tokens;
                          },
                      .between = [&] { ++let_go; }});
  EXPECT_EQ(done, 7);
  EXPECT_EQ(let_go, 3 * (2 * 7 + 1));  // three pieces; two blocks of seven matrices, and the head

  // the first block reads each token by itself, so pieces do not matter to it
  InputStatistics whole(model_.parameters);
  collect_statistics(*backend_, decoder_, ids_, whole);
  auto in_pieces = mean_squares("blocks.0.attn.q.weight");
  auto at_once = whole.mean_squares(index_of("blocks.0.attn.q.weight"));
  for (size_t i = 0; i < at_once.size(); ++i) EXPECT_NEAR(in_pieces[i], at_once[i], 1e-6) << i;
  EXPECT_THROW(collect_statistics(*backend_, decoder_, {}, whole), Error);
}

}  // namespace
}  // namespace slm::testing
