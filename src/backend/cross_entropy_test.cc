#include "support/op_fixture.h"
#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

enum class Result { kLosses, kGradient };

Op cross_entropy_op(const Tensor& targets, float z_loss, float gradient_scale, Result result) {
  return [=](Context& cx, const Inputs& in) {
    Tensor logits = cx.backend.empty(in[0].shape(), in[0].dtype());
    Tensor losses = cx.backend.empty({in[0].dim(0)}, in[0].dtype());
    cx.backend.copy(in[0], logits);
    cx.backend.cross_entropy(
        {logits, targets, losses, z_loss, result == Result::kGradient, gradient_scale});
    return result == Result::kGradient ? logits : losses;
  };
}

class CrossEntropyTest : public OpTest {
 protected:
  void expect_both_close(const Tensor& logits, const Tensor& targets, float z_loss) const {
    int64_t vocab = logits.dim(1);
    for (Result result : {Result::kLosses, Result::kGradient})
      expect_result_close_to_reference({logits}, cross_entropy_op(targets, z_loss, 0.25f, result),
                                       vocab);
  }
};
INSTANTIATE_TEST_SUITE_P(Every, CrossEntropyTest, ::testing::ValuesIn(every_backend()), case_name);

TEST_P(CrossEntropyTest, VocabulariesOfAnySize) {
  for (int64_t vocab : {1, 2, 33, 1000}) {
    Tensor targets =
        Tensor::of(std::vector<int32_t>{0, -100, int32_t(vocab - 1), int32_t(vocab / 2)}, {4});
    expect_both_close(random({4, vocab}, 1), targets, 0);
    if (vocab > 1) expect_both_close(random({4, vocab}, 1), targets, 0.01f);
  }
}

TEST_P(CrossEntropyTest, LargeLogits) {
  expect_both_close(random({3, 50}, 1, 1000), Tensor::of(std::vector<int32_t>{3, 4, 49}, {3}), 0);
}

TEST_P(CrossEntropyTest, MatchesFixtures) {
  for (const char* name : {"cross_entropy", "cross_entropy_large_logits", "cross_entropy_zloss"}) {
    SCOPED_TRACE(name);
    OpFixture f(name);
    Tensor targets = f.ids("targets");
    int64_t count = 0;
    for (int32_t t : targets.span<int32_t>()) count += t >= 0;
    float z_loss = std::string(name) == "cross_entropy_zloss" ? 0.001f : 0;
    auto op = [&](Result result) {
      return cross_entropy_op(targets, z_loss, 1 / float(count), result);
    };
    expect_matches({f.at("logits")}, op(Result::kGradient), {{}, f.at("dlogits"), {}, 53});
    auto mean = [&](Context& cx, const Inputs& in) {
      Tensor losses = converted(to_host(cx.backend, op(Result::kLosses)(cx, in)), DType::kF64);
      double sum = 0;
      for (double x : losses.span<double>()) sum += x / double(count);
      Tensor loss = Tensor::host({1}, DType::kF64);
      *loss.data<double>() = sum;
      return converted(loss, in[0].dtype());
    };
    expect_matches({f.at("logits")}, mean, {{}, f.at("loss"), {}, 53});
    if (f.has("per_token"))
      expect_matches({f.at("logits")}, op(Result::kLosses), {{}, f.at("per_token"), {}, 53});
  }
}

}  // namespace
}  // namespace slm
