// Matrix products. Both operands are cut into panels packed for the tile kernel (Goto and van de
// Geijn, 2008), widened to f32 on the way; a handful of rows against a stored weight skips that and
// reads the weight once. Quantised weights that are not multiplied as integers (gemm_int8.cc) are
// decoded on the way into panels or registers. The sum
// over k has one order for every element, whatever its neighbours and however many threads there
// are.
#include <algorithm>
#include <optional>

#include "backend/cpu/cpu_backend.h"

namespace slm::cpu {
namespace {

constexpr int64_t kMostDepth = 512;     // k values in a panel
constexpr int64_t kMostColumns = 4096;  // of op(b) packed at a time: 8 MiB, for the last cache
constexpr int64_t kRowPanels = 8;       // of op(a) in a job: 200 KiB, for the second cache

struct Size {
  int64_t m, n, k;
};

Size size_of(const GemmArgs& a) {
  return {a.transpose_a ? a.a.dim(1) : a.a.dim(0), a.transpose_b ? a.b.dim(0) : a.b.dim(1),
          a.transpose_a ? a.a.dim(0) : a.a.dim(1)};
}

int64_t pieces_of(int64_t n, int64_t most) { return (n + most - 1) / most; }

bool whole_words(const Tensor& t) {
  return t.dtype() == DType::kBF16 && reinterpret_cast<uintptr_t>(t.bytes_data()) % 4 == 0;
}

// Both operands bf16, an even number of terms, and where they are contiguous at whole words: the
// sum can run over pairs. Half of the panels' memory and, with the instruction for it, of the time.
bool sums_pairs(const GemmArgs& a, int64_t k) {
  return k % 2 == 0 && whole_words(a.a) && whole_words(a.b);
}

// `count` lines of an operand from `first` on, to be packed.
PackJob pack_job(const Tensor& t, bool lines_are_rows, bool pairs, int64_t first, int64_t count,
                 float* packed, int64_t panel_stride) {
  int64_t stride = t.dim(1);
  PackJob job{.data = t.bytes_data() + bytes_of(t.dtype(), lines_are_rows ? first * stride : first),
              .format = t.quantized() ? Format{} : format_of(t),
              .stride = stride,
              .lines_are_rows = lines_are_rows,
              .line_count = count,
              .packed = packed,
              .panel_stride = panel_stride,
              .pairs = pairs && !lines_are_rows};
  if (pairs && lines_are_rows) job.format = Format::kF32, job.stride /= 2;
  return job;
}

}  // namespace

void CpuBackend::gemm(const GemmArgs& a) {
  format_of(a.a);  // refuses block formats, and in b where the blocks do not lie along k
  if (!a.transpose_b) format_of(a.b);
  Size size = size_of(a);
  if (size.m == 0 || size.n == 0) return;
  Result c(*this, a.c, a.beta);
  if (auto* int8 = int8_kernels(a)) return gemm_int8(a, *int8, c.data());
  GemmArgs rounded = a;
  if (rounds_to_pairs(a)) rounded.a = in_bf16(a.a);
  if (size.m <= kernels_.dot_rows && a.transpose_b && !a.transpose_a)
    return gemm_dots(rounded, c.data());
  gemm_tiled(rounded, c.data());
}

bool CpuBackend::rounds_to_pairs(const GemmArgs& a) const {
  return kernels_.has_pairs && !exact_ && a.a.dtype() == DType::kF32 && a.transpose_b &&
         !a.transpose_a && a.a.dim(1) % 2 == 0 && whole_words(a.b);
}

Tensor CpuBackend::in_bf16(const Tensor& t) {
  std::shared_ptr<float> memory = scratch((t.elements() + 1) / 2);
  Tensor rounded = Tensor::wrap(memory.get(), t.shape(), DType::kBF16, memory);
  copy(t, rounded);
  return rounded;
}

void CpuBackend::gemm_dots(const GemmArgs& a, float* c) {
  Size size = size_of(a);
  bool pairs = kernels_.has_pairs && sums_pairs(a, size.k);
  std::optional<Input> wide;
  if (!pairs) wide.emplace(*this, a.a);
  Input bias(*this, a.bias);
  const BlockKernels* blocks = block_kernels(a.b);
  auto dots = blocks ? blocks->dots : kernels_.dots;
  DotJob job{.w = a.b.bytes_data(),
             .format = blocks ? Format{} : format_of(a.b),
             .x = wide ? static_cast<const float*>(*wide) : nullptr,
             .rows = size.m,
             .k = size.k,
             .columns = size.n,
             .out = c,
             .alpha = a.alpha,
             .beta = a.beta,
             .bias = bias,
             .pairs = pairs ? a.a.data<const uint16_t>() : nullptr};
  share(size.n, std::max<int64_t>(4, (1 << 14) / (size.k + 1)),
        [&](int64_t begin, int64_t end) { dots(job, begin, end); });
}

void CpuBackend::pack_right(const GemmArgs& a, const PackJob& job, int64_t first_column) {
  int64_t panels = pieces_of(job.line_count, kernels_.tile_columns);
  const BlockKernels* blocks = block_kernels(a.b);
  if (!blocks)
    return share(panels, 2, [&](int64_t begin, int64_t end) { kernels_.pack_b(job, begin, end); });
  share(panels, 2, [&](int64_t begin, int64_t end) {
    std::shared_ptr<float> lines = scratch(kernels_.tile_columns * job.k_count);
    PackJob panel{.data = lines.get(),
                  .format = Format::kF32,
                  .stride = job.k_count,
                  .lines_are_rows = true,
                  .k_count = job.k_count};
    for (int64_t p = begin; p < end; ++p) {
      int64_t first = p * kernels_.tile_columns;
      panel.line_count = std::min(kernels_.tile_columns, job.line_count - first);
      panel.packed = job.packed + p * job.panel_stride;
      for (int64_t l = 0; l < panel.line_count; ++l) {
        int64_t at = (first_column + first + l) * job.stride + job.k_begin;
        blocks->decode(a.b.bytes_data() + bytes_of(a.b.dtype(), at), 1,
                       lines.get() + l * job.k_count, job.k_count);
      }
      kernels_.pack_b(panel, 0, 1);
    }
  });
}

// For a stretch of columns and of k at a time, the panels of b are packed by all threads; then each
// job packs some panels of a and multiplies them while they are in its second cache.
void CpuBackend::gemm_tiled(const GemmArgs& a, float* c) {
  Size size = size_of(a);
  bool pairs = kernels_.has_pairs && sums_pairs(a, size.k);
  if (pairs) size.k /= 2;
  Input bias(*this, a.bias);
  int64_t depth = size.k ? pieces_of(size.k, pieces_of(size.k, kMostDepth)) : 1;
  if (a.b.quantized()) depth = std::min(size.k, kMostDepth);  // whole blocks
  int64_t columns = std::min(size.n, kMostColumns);
  int64_t a_stride = kernels_.tile_rows * depth + kernels_.panel_slack;
  int64_t b_stride = kernels_.tile_columns * depth + kernels_.panel_slack;
  std::shared_ptr<float> packed = scratch(pieces_of(columns, kernels_.tile_columns) * b_stride);

  for (int64_t n = 0; n < size.n; n += columns) {
    PackJob right = pack_job(a.b, a.transpose_b, pairs, n, std::min(columns, size.n - n),
                             packed.get(), b_stride);
    TileJob tile{.b = packed.get(),
                 .a_panel_stride = a_stride,
                 .b_panel_stride = b_stride,
                 .c = c + n,
                 .c_stride = size.n,
                 .rows = size.m,
                 .columns = right.line_count,
                 .alpha = a.alpha,
                 .beta = a.beta,
                 .bias = bias ? bias + n : nullptr,
                 .pairs = pairs};
    int64_t k = 0;
    do {  // once even for an empty sum: beta and bias still count
      right.k_begin = k;
      right.k_count = tile.k_count = std::min(depth, size.k - k);
      pack_right(a, right, n);
      multiply_rows(a, tile, k);
      tile.beta = 1;
      tile.bias = nullptr;
      k += depth;
    } while (k < size.k);
  }
}

void CpuBackend::multiply_rows(const GemmArgs& a, const TileJob& whole, int64_t k) {
  int64_t row_panels = pieces_of(whole.rows, kernels_.tile_rows);
  int64_t column_panels = pieces_of(whole.columns, kernels_.tile_columns);
  int64_t down = pieces_of(row_panels, kRowPanels);
  int64_t across = std::min(column_panels, pieces_of(4 * pool_.size(), down));
  jobs(down * across, [&](int64_t i) {
    int64_t p = row_panels * (i / across) / down, p_end = row_panels * (i / across + 1) / down;
    int64_t q = i % across, first = p * kernels_.tile_rows;
    std::shared_ptr<float> packed = scratch((p_end - p) * whole.a_panel_stride);
    TileJob tile = whole;
    tile.a = packed.get();
    tile.c += first * whole.c_stride;
    tile.rows -= first;
    PackJob left = pack_job(a.a, !a.transpose_a, whole.pairs, first, tile.rows, packed.get(),
                            whole.a_panel_stride);
    left.k_begin = k;
    left.k_count = whole.k_count;
    kernels_.pack_a(left, 0, p_end - p);
    kernels_.tiles(tile, 0, p_end - p, column_panels * q / across,
                   column_panels * (q + 1) / across);
  });
}

}  // namespace slm::cpu
