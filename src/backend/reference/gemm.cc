#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

void ReferenceBackend::gemm(const GemmArgs& args) {
  Numbers a = read(args.a), b = args.transpose_b ? read_weight(args.b) : read(args.b),
          bias = read(args.bias);
  int64_t M = args.c.dim(0), N = args.c.dim(1), K = args.a.dim(args.transpose_a ? 0 : 1);
  auto a_at = [&](int64_t m, int64_t k) {
    return a[size_t(args.transpose_a ? k * M + m : m * K + k)];
  };
  auto b_at = [&](int64_t k, int64_t n) {
    return b[size_t(args.transpose_b ? n * K + k : k * N + n)];
  };
  Numbers c(size_t(M * N));
  for (int64_t m = 0; m < M; ++m) {
    for (int64_t n = 0; n < N; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < K; ++k) sum += a_at(m, k) * b_at(k, n);
      c[size_t(m * N + n)] = args.alpha * sum + (args.bias ? bias[size_t(n)] : 0);
    }
  }
  write(GradSlot{args.c, args.beta}, c);
}

void ReferenceBackend::column_sum(const ColumnSumArgs& args) {
  Numbers x = read(args.x), sums(size_t(args.x.dim(-1)));
  for (size_t i = 0; i < x.size(); ++i) sums[i % sums.size()] += x[i];
  write(args.grad, sums);
}

}  // namespace slm
