// In place of cuBLASLt: plain loops.
#include "backend/cuda/blas.h"

#include <vector>

namespace slm::cuda {

struct Blas::State {};

Blas::Blas(CudaContext&, bool) {}
Blas::~Blas() = default;

void Blas::multiply(const Product& p) {
  auto read = [](DType type, const void* from, int64_t count) {
    std::vector<float> values(size_t(count), 0.0f);
    if (from) traits(type).to_f32(from, values.data(), count);
    return values;
  };
  std::vector<float> a = read(p.factors, p.a, p.m * p.k), b = read(p.factors, p.b, p.k * p.n);
  std::vector<float> bias = read(p.result, p.bias, p.n), c(size_t(p.m * p.n), 0.0f);
  if (p.beta != 0) c = read(p.result, p.c, p.m * p.n);
  for (int64_t m = 0; m < p.m; ++m)
    for (int64_t n = 0; n < p.n; ++n) {
      float sum = 0;
      for (int64_t k = 0; k < p.k; ++k)
        sum += a[size_t(p.transpose_a ? k * p.m + m : m * p.k + k)] *
               b[size_t(p.transpose_b ? n * p.k + k : k * p.n + n)];
      float& to = c[size_t(m * p.n + n)];
      to = p.alpha * sum + p.beta * to + bias[size_t(n)];
    }
  traits(p.result).from_f32(c.data(), p.c, p.m * p.n);
}

}  // namespace slm::cuda
