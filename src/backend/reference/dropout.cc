#include "backend/dropout_factors.h"
#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

void ReferenceBackend::dropout(const DropoutArgs& args) {
  Numbers y = read(args.x);
  size_t N = size_t(args.x.dim(-1));
  std::vector<float> factors(N, 0.0f);
  for (size_t r = 0; r * N < y.size(); ++r) {
    dropout_factors(args, int64_t(r), factors);
    for (size_t n = 0; n < N; ++n)
      y[r * N + n] = factors[n] == 0 ? 0 : y[r * N + n] / (1 - args.rate);
  }
  write(args.y, y);
}

}  // namespace slm
