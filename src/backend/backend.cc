#include "backend/backend.h"

#include <algorithm>

#include "util/memory.h"

namespace slm {

int64_t Backend::free_memory() const { return available_memory(); }

void Backend::copy_rows(const Tensor& from, const Tensor& to, std::span<const RowRun> runs) {
  for (const RowRun& run : runs)
    copy(from.rows(run.from, run.from + run.count), to.rows(run.to, run.to + run.count));
}

std::vector<double> Backend::block_squares(const Tensor& x, int64_t block) {
  std::vector<double> sums;
  for (int64_t at = 0; at < x.elements(); at += block)
    sums.push_back(sum_squares(x.slice(at, std::min(at + block, x.elements()))));
  return sums;
}

}  // namespace slm
