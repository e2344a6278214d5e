#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/dropout_factors.h"

namespace slm::cpu {

void CpuBackend::dropout(const DropoutArgs& a) {
  if (!a.y) return;
  Input x(*this, a.x);
  Result y(*this, a.y);
  int64_t width = a.x.dim(-1);
  share(a.x.elements() / width, 4096 / width + 1, [&](int64_t begin, int64_t end) {
    std::vector<float> factors(size_t(width), 0.0f);
    for (int64_t r = begin; r < end; ++r) {
      dropout_factors(a, r, factors);
      const float* from = x + r * width;
      float* to = y.data() + r * width;
      for (int64_t n = 0; n < width; ++n) {
        float kept = factors[size_t(n)] == 0 ? 0 : factors[size_t(n)] * from[n];
        to[n] = a.y.beta == 0 ? kept : a.y.beta * to[n] + kept;
      }
    }
  });
}

}  // namespace slm::cpu
