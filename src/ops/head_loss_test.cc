#include "ops/head_loss.h"

#include <cmath>

#include "support/op_test.h"
#include "util/error.h"

namespace slm {
namespace {

using namespace testing;

const std::vector<int32_t> kTargets = {4, -100, 0, 22, 7, 7, -1, 13, 22, 1, 2};
constexpr int64_t kRows = 11, kWidth = 19, kVocab = 23;

Tensor targets() { return Tensor::of(kTargets, {kRows}); }

Inputs random_inputs() {
  return {random({kRows, kWidth}, 1), random({kVocab, kWidth}, 2, 0.3), random({kVocab}, 3)};
}

Op head_loss_op(const HeadLossSpec& spec) {
  return [spec](Context& cx, const Inputs& in) {
    return head_loss(cx, in[0], in[1], in[2], targets(), spec);
  };
}

Tensor one() { return Tensor::of(std::vector<float>{1}, {1}); }

class HeadLossTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, HeadLossTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(HeadLossTest, Plain) {
  expect_close_to_reference(random_inputs(), head_loss_op({.divisor = 9}), kVocab, one());
}

TEST_P(HeadLossTest, WithoutBias) {
  Inputs in = random_inputs();
  in[2] = {};
  expect_close_to_reference(in, head_loss_op({.divisor = 9}), kVocab, one());
}

TEST_P(HeadLossTest, ScaledWithZLossInChunks) {
  HeadLossSpec spec{.divisor = 5, .logit_scale = 0.6f, .z_loss = 0.01f, .chunk = 4};
  expect_close_to_reference(random_inputs(), head_loss_op(spec), kVocab, one());
}

struct ClosedForm {
  double loss = 0;
  std::vector<double> dx, dw, db;
};

// The mean of -log softmax(s x w' + b)[target] + z lse^2 and its derivatives, from the definition.
ClosedForm closed_form(const Inputs& in, const HeadLossSpec& spec) {
  const double *x = in[0].data<double>(), *w = in[1].data<double>(), *b = in[2].data<double>();
  ClosedForm r{0, std::vector<double>(kRows * kWidth), std::vector<double>(kVocab * kWidth),
               std::vector<double>(kVocab)};
  for (int64_t t = 0; t < kRows; ++t) {
    if (kTargets[size_t(t)] < 0) continue;
    std::vector<double> logits(b, b + kVocab);
    double denominator = 0;
    for (int64_t v = 0; v < kVocab; ++v) {
      for (int64_t d = 0; d < kWidth; ++d)
        logits[size_t(v)] += spec.logit_scale * x[t * kWidth + d] * w[v * kWidth + d];
      denominator += std::exp(logits[size_t(v)]);
    }
    double lse = std::log(denominator);
    r.loss += (lse - logits[size_t(kTargets[size_t(t)])] + spec.z_loss * lse * lse) / spec.divisor;
    for (int64_t v = 0; v < kVocab; ++v) {
      double p = std::exp(logits[size_t(v)] - lse);
      double d_logit =
          ((1 + 2 * spec.z_loss * lse) * p - (v == kTargets[size_t(t)])) / spec.divisor;
      r.db[size_t(v)] += d_logit;
      for (int64_t d = 0; d < kWidth; ++d) {
        r.dx[size_t(t * kWidth + d)] += spec.logit_scale * d_logit * w[v * kWidth + d];
        r.dw[size_t(v * kWidth + d)] += spec.logit_scale * d_logit * x[t * kWidth + d];
      }
    }
  }
  return r;
}

Tensor f64(const std::vector<double>& values, const Shape& shape) {
  Tensor t = Tensor::host(shape, DType::kF64);
  std::copy(values.begin(), values.end(), t.data<double>());
  return t;
}

class HeadLossDefinition : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, HeadLossDefinition, ::testing::ValuesIn(every_backend()),
                         case_name);

TEST_P(HeadLossDefinition, IsMet) {
  HeadLossSpec spec{.divisor = 9, .logit_scale = 0.6f, .z_loss = 0.01f, .chunk = 3};
  Inputs in, exact;
  for (const Tensor& t : random_inputs()) {
    in.push_back(converted(t, DType::kF32));
    exact.push_back(converted(in.back(), DType::kF64));
  }
  ClosedForm r = closed_form(exact, spec);
  Expected expected{one(),
                    f64({r.loss}, {1}),
                    {f64(r.dx, {kRows, kWidth}), f64(r.dw, {kVocab, kWidth}), f64(r.db, {kVocab})}};
  expect_matches(in, head_loss_op(spec), expected);
}

TEST_P(HeadLossDefinition, DoesNotDependOnTheChunk) {
  HeadLossSpec spec{.divisor = 9};
  auto loss = [&](int64_t chunk) {
    auto backend = GetParam().make(2);
    Context cx{*backend};
    spec.chunk = chunk;
    Inputs in;
    for (const Tensor& t : random_inputs())
      in.push_back(to_device(*backend, converted(t, DType::kF32)));
    return *head_loss_op(spec)(cx, in).data<float>();
  };
  for (int64_t chunk : {1, 4, 10, 11}) EXPECT_NEAR(loss(chunk), loss(512), 1e-6 * loss(512));
}

TEST_P(HeadLossDefinition, IsZeroWithoutTargets) {
  auto backend = GetParam().make(2);
  Context cx{*backend};
  Tensor ignored = Tensor::of(std::vector<int32_t>(size_t(kRows), -100), {kRows});
  Inputs in = random_inputs();
  for (Tensor& t : in) t = to_device(*backend, converted(t, DType::kF32));
  EXPECT_EQ(*head_loss(cx, in[0], in[1], in[2], ignored, {}).data<float>(), 0);
}

TEST(HeadLoss, RefusesTargetsOutsideTheVocabulary) {
  auto backend = make_reference_backend();
  Context cx{*backend};
  Tensor x = converted(random({1, 3}, 1), DType::kF32),
         w = converted(random({4, 3}, 2), DType::kF32);
  EXPECT_THROW(head_loss(cx, x, w, {}, Tensor::of(std::vector<int32_t>{4}, {1}), {}), Error);
}

}  // namespace
}  // namespace slm
