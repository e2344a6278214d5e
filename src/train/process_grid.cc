#include "train/process_grid.h"

#include <algorithm>

#include "util/error.h"

namespace slm {

ProcessGrid::ProcessGrid(Comm& all, int64_t parts) : all_(all) {
  check(parts > 0 && all.size() % parts == 0, "[processes] {} do not make rows of {}", all.size(),
        parts);
  if (parts == 1) return;
  row_ = all.split(int(all.rank() / parts));
  column_ = all.split(int(all.rank() % parts));
}

SumParts ProcessGrid::sum(Allocator& memory) const {
  if (!row_) return {};
  return [&row = *row_, &memory](const Tensor& t) {
    Tensor sum = to_dtype(to_host(memory, t), DType::kF32);
    row.all_reduce(sum.span<float>());
    if (sum.storage() != t.storage()) memory.copy(sum, t);
  };
}

}  // namespace slm
