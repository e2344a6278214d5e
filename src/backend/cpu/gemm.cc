// Matrix products. Both operands are cut into panels packed for the tile kernel (Goto and van de
// Geijn, 2008), widened to f32 on the way; a handful of rows against a stored weight skips that and
// reads the weight once. The sum over k has one order for every element, whatever its neighbours
// and however many threads there are.
#include <algorithm>

#include "backend/cpu/cpu_backend.h"

namespace slm::cpu {
namespace {

constexpr int64_t kDepth = 384;  // k values in a panel: one of b and one of a fit the first cache
constexpr int64_t kMostRows = 3072;  // of op(a) and columns of op(b) packed at a time: a few MiB
constexpr int64_t kMostColumns = 4096;
constexpr int64_t kRowPanels = 16;  // of one job: they fit the second cache
constexpr int64_t kColumnPanels = 8;

struct Size {
  int64_t m, n, k;
};

Size size_of(const GemmArgs& a) {
  return {a.transpose_a ? a.a.dim(1) : a.a.dim(0), a.transpose_b ? a.b.dim(0) : a.b.dim(1),
          a.transpose_a ? a.a.dim(0) : a.a.dim(1)};
}

int64_t pieces_of(int64_t n, int64_t most) { return (n + most - 1) / most; }

// One operand, of which lines [first, first + count) are packed for each stretch of k.
struct Operand {
  PackJob job;
  int64_t panels, lines_per_panel;
};

Operand operand(const Tensor& t, bool lines_are_rows, int64_t first, int64_t count,
                int64_t lines_per_panel) {
  Format format = format_of(t);
  int64_t stride = t.dim(1), skip = lines_are_rows ? first * stride : first;
  return {{.data = t.bytes_data() + bytes_of(t.dtype(), skip),
           .format = format,
           .stride = stride,
           .lines_are_rows = lines_are_rows,
           .line_count = count},
          pieces_of(count, lines_per_panel),
          lines_per_panel};
}

void place(Operand& o, float* packed, int64_t depth, int64_t slack) {
  o.job.packed = packed;
  o.job.panel_stride = o.lines_per_panel * depth + slack;
}

}  // namespace

void CpuBackend::gemm(const GemmArgs& a) {
  Size size = size_of(a);
  if (size.m == 0 || size.n == 0) return;
  Result c(*this, a.c, a.beta);
  if (size.m <= kernels_.dot_rows && a.transpose_b && !a.transpose_a)
    return gemm_dots(a, Input(*this, a.a), c.data());
  gemm_tiled(a, c.data());
}

void CpuBackend::gemm_dots(const GemmArgs& a, const float* x, float* c) {
  Size size = size_of(a);
  Input bias(*this, a.bias);
  DotJob job{.w = a.b.bytes_data(),
             .format = format_of(a.b),
             .x = x,
             .rows = size.m,
             .k = size.k,
             .columns = size.n,
             .out = c,
             .alpha = a.alpha,
             .beta = a.beta,
             .bias = bias};
  share(size.n, std::max<int64_t>(4, (1 << 14) / (size.k + 1)),
        [&](int64_t begin, int64_t end) { kernels_.dots(job, begin, end); });
}

void CpuBackend::gemm_tiled(const GemmArgs& a, float* c) {
  Size size = size_of(a);
  Input bias(*this, a.bias);
  int64_t depth = std::max<int64_t>(1, std::min(size.k, kDepth)), slack = kernels_.panel_slack;
  int64_t rows = std::min(size.m, kMostRows), columns = std::min(size.n, kMostColumns);
  int64_t a_floats = pieces_of(rows, kernels_.tile_rows) * (kernels_.tile_rows * depth + slack);
  int64_t b_floats =
      pieces_of(columns, kernels_.tile_columns) * (kernels_.tile_columns * depth + slack);
  std::shared_ptr<float> packed = scratch(a_floats + b_floats);

  for (int64_t n = 0; n < size.n; n += columns)
    for (int64_t m = 0; m < size.m; m += rows) {
      Operand left =
          operand(a.a, !a.transpose_a, m, std::min(rows, size.m - m), kernels_.tile_rows);
      Operand right =
          operand(a.b, a.transpose_b, n, std::min(columns, size.n - n), kernels_.tile_columns);
      place(left, packed.get(), depth, slack);
      place(right, packed.get() + a_floats, depth, slack);
      TileJob job{.a = left.job.packed,
                  .b = right.job.packed,
                  .a_panel_stride = left.job.panel_stride,
                  .b_panel_stride = right.job.panel_stride,
                  .c = c + m * size.n + n,
                  .c_stride = size.n,
                  .rows = left.job.line_count,
                  .columns = right.job.line_count,
                  .alpha = a.alpha,
                  .beta = a.beta,
                  .bias = bias ? bias + n : nullptr};
      int64_t k = 0;
      do {  // once even for an empty sum: beta and bias still count
        job.k_count = left.job.k_count = right.job.k_count = std::min(depth, size.k - k);
        left.job.k_begin = right.job.k_begin = k;
        share(left.panels + right.panels, 4, [&](int64_t begin, int64_t end) {
          kernels_.pack_a(left.job, std::min(begin, left.panels), std::min(end, left.panels));
          kernels_.pack_b(right.job, std::max<int64_t>(0, begin - left.panels),
                          std::max<int64_t>(0, end - left.panels));
        });
        int64_t down = pieces_of(left.panels, kRowPanels);
        int64_t across = pieces_of(right.panels, kColumnPanels);
        jobs(down * across, [&](int64_t i) {
          int64_t p = i % down, q = i / down;
          kernels_.tiles(job, left.panels * p / down, left.panels * (p + 1) / down,
                         right.panels * q / across, right.panels * (q + 1) / across);
        });
        job.beta = 1;
        job.bias = nullptr;
        k += depth;
      } while (k < size.k);
    }
}

}  // namespace slm::cpu
