// Products with quantised weights in integers: the other operand is rounded to eight bits, with a
// scale for every run of 32 numbers, and integers are summed exactly within a group of weights that
// shares a scale. An element differs from the product in f32 by at most the sum over runs of
// scale / 2 times the magnitudes of the weights, scale being the run's largest magnitude / 127.
// Results are the same for any number of rows and threads, and whether the weights are packed
// already (packed_weights.h) or on the way.
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

  bool few = rows <= kInt8Rows && !dry_;
  Int8Weights w{.w = a.b, .kernels = kernels};
  w.panel_bytes = kernels_.int8_columns * bytes_of(a.b.dtype(), k);
  w.packed = packed_.find(a.b);
  if (!w.packed && few) w.room = packed_.room_for(a.b, panels_of(columns) * w.panel_bytes);
  multiply_panels(w, {.panels = nullptr,
                      .x = x,
                      .columns = columns,
                      .out = c,
                      .alpha = a.alpha,
                      .beta = a.beta,
                      .bias = bias});
  if (w.room) packed_.keep(a.b, std::move(w.room));
}

int64_t CpuBackend::panels_of(int64_t columns) const {
  return (columns + kernels_.int8_columns - 1) / kernels_.int8_columns;
}

// Each job is a stretch of panels, which lie one after the other in memory, and up to kInt8MostRows
// rows. Panels that are not packed yet are packed one by one and multiplied from the cache.
void CpuBackend::multiply_panels(const Int8Weights& w, const Int8Job& whole) {
  int64_t panels = panels_of(whole.columns);
  int64_t down = (whole.x.rows + kInt8MostRows - 1) / kInt8MostRows;
  int64_t across = std::min(panels, kJobsPerThread * pool_.size());
  jobs(down * across, [&](int64_t i) {
    int64_t first = i / across * kInt8MostRows, part = i % across;
    int64_t begin = panels * part / across, end = panels * (part + 1) / across;
    Int8Job job = whole;
    job.x = rows_of(whole.x, first, std::min(kInt8MostRows, whole.x.rows - first));
    job.out += first * whole.columns;
    if (w.packed) {
      job.panels = w.packed + begin * w.panel_bytes;
      return w.kernels.multiply(job, begin, end);
    }
    std::shared_ptr<float> own = w.room ? nullptr : scratch(w.panel_bytes / 4 + 1);
    for (int64_t p = begin; p < end; ++p) {
      std::byte* to =
          w.room ? w.room.get() + p * w.panel_bytes : reinterpret_cast<std::byte*>(own.get());
      pack_panel(w, p, to);
      job.panels = to;
      w.kernels.multiply(job, p, p + 1);
    }
  });
}

void CpuBackend::pack_panel(const Int8Weights& w, int64_t panel, std::byte* to) {
  const std::byte* rows = w.w.bytes_data() + panel * w.panel_bytes;
  int64_t k = w.w.dim(1), bytes = std::min(w.panel_bytes, w.w.bytes() - panel * w.panel_bytes);
  if (bytes == w.panel_bytes) return w.kernels.pack(rows, k, to);
  std::shared_ptr<float> whole = scratch(w.panel_bytes / 4 + 1);  // with rows of zeros
  auto* copy = reinterpret_cast<std::byte*>(whole.get());
  std::memcpy(copy, rows, size_t(bytes));
  std::memset(copy + bytes, 0, size_t(w.panel_bytes - bytes));
  w.kernels.pack(copy, k, to);
}

}  // namespace slm::cpu
