#include "train/initialize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/tiny_spec.h"
#include "support/refusal.h"
#include "util/rng.h"

namespace slm {
namespace {

DecoderSpec spec() { return testing::tiny_spec(512, 64); }

double deviation(const Tensor& t) {
  double sum = 0;
  for (float x : t.span<const float>()) sum += double(x) * x;
  return std::sqrt(sum / double(t.elements()));
}

// The sample deviation of n normal numbers lies within 5 / sqrt(2 n) of the true one.
void expect_deviation(const Tensor& t, double expected) {
  EXPECT_NEAR(deviation(t) / expected, 1, 5 / std::sqrt(2.0 * double(t.elements())));
}

TEST(Initialize, DeviationsByMethodAndRole) {
  struct {
    const char* method;
    double deviation;  // of blocks.0.mlp.down, [64, 96]
  } const methods[]{{"normal", 0.02},
                    {"scaled_normal", 0.02 / 2},
                    {"single_residual_scaled_normal", 0.02 / std::sqrt(2.0)},
                    {"small_init", std::sqrt(2.0 / (5 * 64))},
                    {"wang_init", 2.0 / 2 / 8},
                    {"xavier_normal", std::sqrt(2.0 / 160)},
                    {"xavier_uniform", std::sqrt(6.0 / 160 / 3)}};
  for (auto [method, deviation] : methods) {
    SCOPED_TRACE(method);
    Parameters p = initial_parameters(spec(), {.output_method = method}, 1);
    expect_deviation(p.at("blocks.0.mlp.down.weight"), deviation);
    expect_deviation(p.at("blocks.1.attn.q.weight"), 0.02);
    expect_deviation(p.at("embed.weight"), 0.02);
    expect_deviation(p.at("head.weight"), 0.02);
  }
}

TEST(Initialize, NormsAreOneAndBiasesZero) {
  Parameters p = initial_parameters(spec(), {}, 1);
  for (float x : p.at("blocks.0.norm1.weight").span<const float>()) EXPECT_EQ(x, 1);
  for (float x : p.at("final_norm.bias").span<const float>()) EXPECT_EQ(x, 0);
}

TEST(Initialize, EachTensorDependsOnlyOnSeedAndName) {
  DecoderSpec deeper = spec();
  deeper.layers = 3;
  Parameters a = initial_parameters(spec(), {}, 1), b = initial_parameters(deeper, {}, 1),
             c = initial_parameters(spec(), {}, 2);
  auto numbers = [](const Parameters& p, const char* name) {
    return p.at(name).span<const float>();
  };
  const char *q0 = "blocks.0.attn.q.weight", *q1 = "blocks.1.attn.q.weight";
  EXPECT_TRUE(std::ranges::equal(numbers(a, q1), numbers(b, q1)));
  EXPECT_FALSE(std::ranges::equal(numbers(a, q1), numbers(c, q1)));
  EXPECT_FALSE(std::ranges::equal(numbers(a, q0), numbers(a, q1)));
}

TEST(Initialize, OrthogonalRowsOrColumns) {
  Parameters p =
      initial_parameters(spec(), {.method = "orthogonal", .output_method = "scaled_orthogonal"}, 3);
  auto product = [](const Tensor& w, bool rows, int64_t i, int64_t j) {
    double sum = 0;
    const float* x = w.data<float>();
    int64_t n = w.dim(1), length = rows ? n : w.dim(0);
    for (int64_t k = 0; k < length; ++k)
      sum += rows ? double(x[i * n + k]) * x[j * n + k] : double(x[k * n + i]) * x[k * n + j];
    return sum;
  };
  const Tensor& up = p.at("blocks.0.mlp.up.weight");      // [96, 64]: columns
  const Tensor& down = p.at("blocks.0.mlp.down.weight");  // [64, 96]: rows
  // 64 products of numbers below sqrt(2), each rounded to f32 once
  double bound = 64 * 2 * 6e-8;
  for (int64_t i : {0, 1, 63})
    for (int64_t j : {0, 40, 63}) {
      EXPECT_NEAR(product(up, false, i, j), i == j ? 2 : 0, bound);
      EXPECT_NEAR(product(down, true, i, j), i == j ? 1 : 0, bound);
    }
}

// What runs began with must not change: the numbers are those the generator draws one by one.
TEST(Initialize, NumbersAreTheGeneratorsForAnyNumberOfThreads) {
  ParameterSpec p{"a.weight", {37, 41}, ParameterRole::kInput};
  for (const char* method : {"normal", "xavier_uniform"}) {
    Rng rng(5, hash_name(p.name));
    bool normal = std::string_view(method) == "normal";
    double size = normal ? 0.02 : std::sqrt(6.0 / (37 + 41));
    std::vector<float> expected;
    for (int64_t i = 0; i < p.shape.elements(); ++i)
      expected.push_back(float(size * (normal ? rng.normal() : 2 * rng.uniform() - 1)));
    for (int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      Tensor value = initial_value(p, spec(), {.method = method}, 5, DType::kF32, pool);
      EXPECT_TRUE(std::ranges::equal(value.span<const float>(), expected))
          << method << ", " << threads << " threads";
    }
  }
}

TEST(Initialize, UnknownMethodNamesTheKnown) {
  std::string text = testing::refusal([] { check_init_method("kaiming"); });
  EXPECT_NE(text.find("wang_init"), std::string::npos) << text;
}

}  // namespace
}  // namespace slm
