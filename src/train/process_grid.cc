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

SumParts ProcessGrid::sum() const {
  if (!row_) return {};
  return [&row = *row_](const Tensor& t) {
    check(t.device() == Device::kHost, "[processes] a sum of tensors that are not on the host");
    Tensor sum = to_dtype(t, DType::kF32);
    row.all_reduce(sum.span<float>());
    if (sum.storage() != t.storage())
      traits(t.dtype()).from_f32(sum.data<float>(), t.bytes_data(), t.elements());
  };
}

}  // namespace slm
