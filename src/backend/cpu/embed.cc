#include <algorithm>

#include "backend/cpu/cpu_backend.h"

namespace slm::cpu {

void CpuBackend::embed_forward(const EmbedArgs& a) {
  Result y(*this, a.y);
  const BlockKernels* blocks = block_kernels(a.table);
  Format format = blocks ? Format{} : format_of(a.table);
  int64_t width = a.table.dim(1), row_bytes = bytes_of(a.table.dtype(), width);
  const int32_t* ids = a.ids.data<const int32_t>();
  share(a.ids.elements(), 4096 / width + 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const std::byte* row = a.table.bytes_data() + ids[t] * row_bytes;
      float* out = y.data() + t * width;
      if (blocks)
        blocks->decode(row, a.scale, out, width);
      else
        kernels_.widen(format, row, a.scale, out, width);
    }
  });
}

// Each thread owns some columns of the table: tokens are added in order, and no two threads meet.
void CpuBackend::embed_backward(const EmbedArgs& a, const EmbedGrads& g) {
  if (!g.dtable) return;
  Input dy(*this, g.dy);
  Result dtable(*this, g.dtable);
  int64_t width = a.table.dim(1), rows = a.table.dim(0);
  if (g.dtable.beta != 1)
    share_values(rows * width, 1 << 13, [&](int64_t begin, int64_t end) {
      float* at = dtable.data() + begin;
      if (g.dtable.beta == 0)
        std::fill_n(at, end - begin, 0.0f);
      else
        kernels_.widen(Format::kF32, at, g.dtable.beta, at, end - begin);
    });
  const int32_t* ids = a.ids.data<const int32_t>();
  share_values(width, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < a.ids.elements(); ++t)
      kernels_.accumulate(a.scale, dy + t * width + begin,
                          {dtable.data() + ids[t] * width + begin, 1}, end - begin);
  });
}

}  // namespace slm::cpu
