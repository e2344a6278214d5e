// The rows of a batch, sample by sample where the context asks for it.
#pragma once

#include <algorithm>

#include "core/context.h"

namespace slm {

// Sums over fewer rows than this are left whole: small products cost more than they compute.
inline constexpr int64_t kFewestSampleRows = 64;

// visit(begin, end) over runs of `rows` rows, to be summed one after the other: the samples of the
// batch, or all of it at once.
template <class Visit>
void each_sample(int64_t sample_rows, int64_t rows, Visit visit) {
  bool whole = sample_rows < kFewestSampleRows || rows % sample_rows != 0;
  int64_t run = whole ? rows : sample_rows;
  for (int64_t begin = 0; begin < rows; begin += run) visit(begin, begin + run);
}

}  // namespace slm
