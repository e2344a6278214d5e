#include "core/quantize.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "util/error.h"

namespace slm {
namespace {

constexpr float kLeastWeight = 1e-3f;  // of the mean

std::vector<float> column_weights(std::span<const float> importance) {
  double mean = std::accumulate(importance.begin(), importance.end(), 0.0) /
                double(std::max<size_t>(1, importance.size()));
  if (!(mean > 0) || !std::isfinite(mean)) return {};
  std::vector<float> weights;
  for (float x : importance) weights.push_back(std::max(float(x / mean), kLeastWeight));
  return weights;
}

}  // namespace

Tensor quantize(const Tensor& t, DType dtype, std::span<const float> importance, ThreadPool& pool,
                std::string_view name) {
  const DTypeTraits &from = traits(t.dtype()), &to = traits(dtype);
  int64_t width = t.dim(-1), rows = width ? t.elements() / width : 0;
  check(from.floating && to.floating, "{}: {} does not convert to {}", name, from.name, to.name);
  check(importance.empty() || int64_t(importance.size()) == width,
        "{}: importance of {} columns for rows of {}", name, importance.size(), width);
  if (t.dtype() == dtype) return t;
  Tensor out = Tensor::host(t.shape(), dtype);
  int64_t from_bytes = bytes_of(t.dtype(), width), to_bytes = bytes_of(dtype, width);
  std::vector<float> weights = column_weights(importance);
  pool.run(rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(width));
    for (int64_t r = begin; r < end; ++r) {
      from.to_f32(t.bytes_data() + r * from_bytes, row.data(), width);
      check_data(std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); }),
                 "{}: row {} holds numbers that are not finite; the checkpoint is damaged", name,
                 r);
      std::byte* at = out.bytes_data() + r * to_bytes;
      if (to.from_f32_weighted && !weights.empty())
        to.from_f32_weighted(row.data(), weights.data(), at, width);
      else
        to.from_f32(row.data(), at, width);
    }
  });
  return out;
}

}  // namespace slm
