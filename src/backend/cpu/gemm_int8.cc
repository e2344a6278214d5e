// Products with quantised weights in integers: the other operand is rounded to eight bits, with a
// scale for every run of 32 numbers, and integers are summed exactly within a group of weights that
// shares a scale. An element differs from the product in f32 by at most the sum over runs of
// scale / 2 times the magnitudes of the weights, scale being the run's largest magnitude / 127.
// Results are the same for any number of rows and threads.
#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu_backend.h"

namespace slm::cpu {
namespace {

constexpr int64_t kJobsPerThread = 8;  // a thread that is late leaves the rest to the others

// Memory for Int8Rows of a size, in floats: everything but the bytes, then the bytes.
int64_t floats_of(int64_t rows, int64_t k, int32_t group) {
  int64_t runs = rows * k / kInt8Run;
  return 2 * runs + rows * k / group + rows * k / 4;
}

Int8Rows laid_out(float* at, int64_t rows, int64_t k, const Int8Kernels& kernels) {
  int64_t runs = rows * k / kInt8Run, groups = rows * k / kernels.group;
  return {.rows = rows,
          .k = k,
          .offset = kernels.offset,
          .group = kernels.group,
          .q = reinterpret_cast<int8_t*>(at + 2 * runs + groups),
          .scale = at,
          .sum = at + runs,
          .start = reinterpret_cast<int32_t*>(at + 2 * runs)};
}

// `count` rows from `first` on, which begins a tile.
Int8Rows rows_of(Int8Rows x, int64_t first, int64_t count) {
  int64_t runs = first * x.k / kInt8Run;
  x.rows = count;
  x.q += first * x.k;
  x.scale += runs;
  x.sum += runs;
  x.start += first * x.k / x.group;
  return x;
}

}  // namespace

const Int8Kernels* CpuBackend::int8_kernels(const GemmArgs& a) const {
  bool fits = !exact_ && a.b.quantized() && a.transpose_b && !a.transpose_a;
  return fits ? kernels_.int8 + (int(a.b.dtype()) - int(DType::kQ4_0)) : nullptr;
}

void CpuBackend::gemm_int8(const GemmArgs& a, const Int8Kernels& kernels, float* c) {
  int64_t rows = a.a.dim(0), columns = a.b.dim(0), k = a.b.dim(1);
  Input given(*this, a.a), bias(*this, a.bias);
  std::shared_ptr<float> memory = scratch(floats_of(rows, k, kernels.group));
  Int8Rows x = laid_out(memory.get(), rows, k, kernels);
  share((rows + kInt8Rows - 1) / kInt8Rows, 1 + (1 << 14) / (kInt8Rows * k + 1),
        [&](int64_t begin, int64_t end) {
          kernels_.to_int8(given, x, begin * kInt8Rows, std::min(rows, end * kInt8Rows));
        });

  int64_t panel = kernels_.int8_columns, rest = columns % panel;
  int64_t row_bytes = bytes_of(a.b.dtype(), k), last_bytes = rest ? panel * row_bytes : 0;
  std::shared_ptr<float> last = scratch((last_bytes + 3) / 4);
  share(1, 1, [&](int64_t, int64_t) {
    auto* to = reinterpret_cast<std::byte*>(last.get());
    std::memset(to, 0, size_t(last_bytes));
    std::memcpy(to, a.b.bytes_data() + (columns - rest) * row_bytes, size_t(rest * row_bytes));
  });
  multiply_panels({.w = a.b.bytes_data(),
                   .last = last.get(),
                   .x = x,
                   .columns = columns,
                   .out = c,
                   .alpha = a.alpha,
                   .beta = a.beta,
                   .bias = bias},
                  kernels);
}

// Each job is a stretch of panels, which lie one after the other in memory, and up to kInt8MostRows
// rows.
void CpuBackend::multiply_panels(const Int8Job& whole, const Int8Kernels& kernels) {
  int64_t panels = (whole.columns + kernels_.int8_columns - 1) / kernels_.int8_columns;
  int64_t down = (whole.x.rows + kInt8MostRows - 1) / kInt8MostRows;
  int64_t across = std::min(panels, kJobsPerThread * pool_.size());
  jobs(down * across, [&](int64_t i) {
    int64_t first = i / across * kInt8MostRows, part = i % across;
    Int8Job job = whole;
    job.x = rows_of(whole.x, first, std::min(kInt8MostRows, whole.x.rows - first));
    job.out += first * whole.columns;
    kernels.multiply(job, panels * part / across, panels * (part + 1) / across);
  });
}

}  // namespace slm::cpu
