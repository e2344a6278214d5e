#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "util/error.h"

namespace slm::cpu {

// Frequencies and angles are rounded to f32 one operation at a time, as in the published models'
// training.
void CpuBackend::rope_table(const RopeTableArgs& a) {
  int64_t dims = a.table.dim(1), half = dims / 2;
  std::vector<float> frequencies(size_t(half), 0.0f);
  for (int64_t i = 0; i < half; ++i)
    frequencies[size_t(i)] =
        1.0f / float(std::pow(a.rope.theta, double(float(2 * i) / float(dims))));
  const int32_t* positions = a.positions.data<const int32_t>();
  share(a.table.dim(0), 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* row = a.table.data<float>() + t * dims;
      float position = float(positions[t] / a.rope.scale);
      double factor = 1;
      if (a.rope.log_n_length > 0)
        factor = std::max(1.0, std::log(positions[t] + 1.0) / std::log(a.rope.log_n_length));
      for (int64_t i = 0; i < half; ++i) {
        double angle = double(position * frequencies[size_t(i)]);
        row[i] = float(factor * std::cos(angle));
        row[half + i] = float(factor * std::sin(angle));
      }
    }
  });
}

void CpuBackend::rope(const RopeArgs& a) {
  if (!a.y) return;
  Input x(*this, a.x);
  Result y(*this, a.y);
  RopeRows rows{.x = x,
                .table = a.table.data<float>(),
                .y = y.data(),
                .beta = a.y.beta,
                .heads = a.x.dim(1),
                .head_size = a.x.dim(2),
                .dims = a.table.dim(1),
                .interleaved = a.pairing == Rope::kInterleaved,
                .inverse = a.inverse};
  share(a.x.dim(0), 4096 / (rows.heads * rows.head_size) + 1,
        [&](int64_t begin, int64_t end) { kernels_.rope(rows, begin, end); });
}

}  // namespace slm::cpu
