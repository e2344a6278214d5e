#include "backend/cuda/quant.cuh"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/cuda_test.h"
#include "util/rng.h"

namespace slm::cuda {
namespace {

constexpr DType kFormats[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                              DType::kQ8_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

Tensor random_matrix(int64_t rows, int64_t columns, const char* name) {
  Tensor t = Tensor::host({rows, columns}, DType::kF32);
  Rng rng(hash_name(name));
  for (float& x : t.span<float>()) x = float(rng.normal());
  return t;
}

class CudaQuant : public testing::CudaTest {
 protected:
  std::vector<float> floats(const Tensor& t) {
    Tensor f32 = to_dtype(t, DType::kF32);
    return {f32.span<const float>().begin(), f32.span<const float>().end()};
  }

  // alpha x w' + beta c + bias
  std::vector<float> multiply(const Tensor& x, const Tensor& w, bool exact, GemmArgs a = {}) {
    Tensor c = a.c ? a.c : Tensor::host({x.dim(0), w.dim(0)}, DType::kF32);
    a.a = on_device(x), a.b = on_device(w), a.c = on_device(c), a.bias = on_device(a.bias);
    a.transpose_b = true;
    EXPECT_TRUE(quantized_rows(cx(), a, exact));
    return floats(on_host(a.c));
  }
};
INSTANTIATE_TEST_SUITE_P(Every, CudaQuant, ::testing::ValuesIn(kFormats), testing::dtype_name);

TEST_P(CudaQuant, NumbersAreThoseOfTheFormat) {
  Tensor w = to_dtype(random_matrix(5, 512, "w"), GetParam()), exact = to_dtype(w, DType::kF32);
  for (DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
    Tensor out = cx().empty(w.shape(), type);
    dequantize(cx(), on_device(w), out);
    EXPECT_EQ(floats(on_host(out)), floats(to_dtype(exact, type))) << traits(type).name;
  }
}

TEST_P(CudaQuant, RowsOfATable) {
  Tensor w = to_dtype(random_matrix(5, 256, "w"), GetParam());
  std::vector<int32_t> ids{4, 0, 4, 2};
  Tensor out = cx().empty({4, 256}, DType::kF32);
  dequantize_rows(cx(), on_device(w), on_device(Tensor::of(ids, {4})), 0.5f, out);
  std::vector<float> all = floats(w), rows = floats(on_host(out));
  for (size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(rows[i], 0.5f * all[size_t(ids[i / 256]) * 256 + i % 256]) << i;
}

// f32 sums of k terms differ by at most k u sum |terms|; operands rounded to bytes by at most half
// a step of each run more.
TEST_P(CudaQuant, ProductsAreWithinTheirErrors) {
  constexpr int64_t kRows = 3, kColumns = 11, kK = 1280;
  Tensor x = random_matrix(kRows, kK, "x");
  Tensor w = to_dtype(random_matrix(kColumns, kK, "w"), GetParam());
  std::vector<float> weights = floats(w), in = floats(x);
  std::vector<float> exact = multiply(x, w, true), rounded = multiply(x, w, false);
  double most = 0;
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t n = 0; n < kColumns; ++n) {
      double sum = 0, terms = 0, steps = 0;
      for (int64_t run = 0; run < kK; run += 32) {
        double largest = 0, of_run = 0;
        for (int64_t k = run; k < run + 32; ++k) {
          double a = double(in[size_t(r * kK + k)]), b = double(weights[size_t(n * kK + k)]);
          sum += a * b, terms += std::abs(a * b), of_run += std::abs(b);
          largest = std::max(largest, std::abs(a));
        }
        steps += largest / 127 / 2 * of_run;
      }
      double f32 = double(kK) * epsilon(DType::kF32) / 2 * terms;
      auto at = size_t(r * kColumns + n);
      EXPECT_NEAR(double(exact[at]), sum, f32);
      EXPECT_NEAR(double(rounded[at]), sum, steps + f32);
      most = std::max(most, std::abs(double(rounded[at]) - sum));
    }
  EXPECT_GT(most, 1e-4);  // the bytes were used
}

TEST_P(CudaQuant, ARowDoesNotDependOnTheOthers) {
  Tensor x = random_matrix(8, 512, "x"), w = to_dtype(random_matrix(7, 512, "w"), GetParam());
  for (bool exact : {false, true}) {
    std::vector<float> alone;
    for (int64_t r = 0; r < 8; ++r) {
      std::vector<float> row = multiply(x.rows(r, r + 1), w, exact);
      alone.insert(alone.end(), row.begin(), row.end());
    }
    for (int64_t rows : {2, 3, 5, 8}) {
      std::vector<float> together = multiply(x.rows(0, rows), w, exact);
      EXPECT_TRUE(std::equal(together.begin(), together.end(), alone.begin())) << rows;
    }
  }
}

TEST_P(CudaQuant, FactorsBiasAndOtherTypes) {
  Tensor x = random_matrix(2, 256, "x"), w = to_dtype(random_matrix(5, 256, "w"), GetParam());
  Tensor bias = random_matrix(1, 5, "bias").reshape({5}), c = random_matrix(2, 5, "c");
  Tensor narrow = to_dtype(x, DType::kBF16);
  std::vector<float> plain = multiply(to_dtype(narrow, DType::kF32), w, true);
  std::vector<float> all =
      multiply(narrow, w, true, {.c = c, .alpha = -2, .beta = 0.5f, .bias = bias});
  for (size_t i = 0; i < all.size(); ++i) {
    float added = bias.data<float>()[i % 5], before = c.data<float>()[i];
    double expected = -2 * double(plain[i]) + double(added) + 0.5 * double(before);
    double terms =
        2 * std::abs(double(plain[i])) + std::abs(double(added)) + std::abs(0.5 * double(before));
    EXPECT_NEAR(double(all[i]), expected, 2 * epsilon(DType::kF32) * terms);
  }
}

TEST_P(CudaQuant, WhatIsNotANumberIsSeen) {
  Tensor x = random_matrix(2, 256, "x"), w = to_dtype(random_matrix(3, 256, "w"), GetParam());
  x.data<float>()[70] = std::nanf("");
  for (bool exact : {false, true}) {
    std::vector<float> y = multiply(x, w, exact);
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(std::isnan(y[i]), i < 3) << i;
  }
}

TEST_P(CudaQuant, LeavesOtherProductsToOthers) {
  Tensor w = on_device(to_dtype(random_matrix(256, 256, "w"), GetParam()));
  Tensor x = on_device(random_matrix(9, 256, "x")), c = cx().empty({9, 256}, DType::kF32);
  EXPECT_FALSE(quantized_rows(cx(), {.a = x, .b = w, .c = c, .transpose_b = true}, false));
  EXPECT_FALSE(quantized_rows(cx(), {.a = x.rows(0, 1), .b = w, .c = c.rows(0, 1)}, false));
  EXPECT_FALSE(quantized_rows(
      cx(), {.a = x.rows(0, 1), .b = x, .c = c.rows(0, 1), .transpose_b = true}, false));
}

}  // namespace
}  // namespace slm::cuda
