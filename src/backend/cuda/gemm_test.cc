// Which operands are rounded before they are multiplied; the products themselves are tested with
// those of every backend (backend/gemm_test.cc, ops/linear_test.cc), exact ones.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "support/cuda_test.h"
#include "util/rng.h"

namespace slm::cuda {
namespace {

constexpr int64_t kRows = 20, kColumns = 24, kK = 64;  // more rows than are multiplied in place

Tensor random_matrix(int64_t rows, const char* name) {
  Tensor t = Tensor::host({rows, kK}, DType::kF32);
  Rng rng(hash_name(name));
  for (float& x : t.span<float>()) x = float(rng.normal());
  return t;
}

Tensor rounded(const Tensor& t, DType dtype) { return to_dtype(to_dtype(t, dtype), DType::kF32); }

class CudaGemm : public testing::CudaTest {
 protected:
  Tensor multiply(const Tensor& x, const Tensor& w, bool exact) {
    CudaBackend backend(BackendOptions{.exact = exact});
    Tensor c = backend.empty({x.dim(0), w.dim(0)}, DType::kF32);
    backend.gemm(
        {.a = to_device(backend, x), .b = to_device(backend, w), .c = c, .transpose_b = true});
    return to_host(backend, c);
  }
  // Sums of K terms, each rounded in f32.
  void expect_product(const Tensor& c, const Tensor& x, const Tensor& w) {
    for (int64_t r = 0; r < x.dim(0); ++r)
      for (int64_t n = 0; n < w.dim(0); ++n) {
        double sum = 0, terms = 0;
        for (int64_t k = 0; k < kK; ++k) {
          double term = double(x.data<float>()[r * kK + k]) * double(w.data<float>()[n * kK + k]);
          sum += term, terms += std::abs(term);
        }
        double bound = double(kK) * epsilon(DType::kF32) / 2 * terms;
        EXPECT_NEAR(double(c.data<float>()[r * w.dim(0) + n]), sum, bound) << r << " " << n;
      }
  }
};
INSTANTIATE_TEST_SUITE_P(Narrow, CudaGemm, ::testing::Values(DType::kBF16, DType::kQ8_0),
                         testing::dtype_name);

// Beside bf16, and beside blocks, which become bf16 themselves. One row waits for memory alone.
TEST_P(CudaGemm, ActivationsAreRoundedToBf16UnlessExact) {
  Tensor x = random_matrix(kRows, "x"), w = to_dtype(random_matrix(kColumns, "w"), GetParam());
  Tensor weights = to_dtype(w, DType::kF32);
  expect_product(multiply(x, w, true), x, weights);
  expect_product(multiply(x, w, false), rounded(x, DType::kBF16), rounded(weights, DType::kBF16));
  if (!w.quantized()) expect_product(multiply(x.rows(0, 1), w, false), x.rows(0, 1), weights);
}

}  // namespace
}  // namespace slm::cuda
