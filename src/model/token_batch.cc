#include "model/token_batch.h"

#include <algorithm>
#include <numeric>

#include "util/error.h"

namespace slm {

TokenBatch TokenBatch::pack(std::span<const std::vector<int32_t>> sequences) {
  TokenBatch batch{.starts = {0}};
  for (const auto& s : sequences) {
    check(!s.empty(), "[batch] a sequence without tokens");
    batch.starts.push_back(batch.starts.back() + int64_t(s.size()));
  }
  batch.ids = Tensor::host({batch.tokens()}, DType::kI32);
  batch.positions = Tensor::host({batch.tokens()}, DType::kI32);
  for (size_t s = 0; s < sequences.size(); ++s) {
    std::copy(sequences[s].begin(), sequences[s].end(),
              batch.ids.data<int32_t>() + batch.starts[s]);
    int32_t* first = batch.positions.data<int32_t>() + batch.starts[s];
    std::iota(first, first + sequences[s].size(), 0);
  }
  return batch;
}

TokenBatch TokenBatch::tree(std::span<const std::vector<int32_t>> sequences,
                            std::vector<int64_t> parents) {
  TokenBatch batch = pack(sequences);
  check(parents.size() == sequences.size(), "[batch] {} sequences, {} parents", sequences.size(),
        parents.size());
  std::vector<int64_t> ends;  // position behind the last token of each sequence
  for (size_t s = 0; s < sequences.size(); ++s) {
    check(-1 <= parents[s] && parents[s] < int64_t(s), "[batch] sequence {} goes on from {}", s,
          parents[s]);
    int64_t before = parents[s] < 0 ? 0 : ends[size_t(parents[s])];
    ends.push_back(before + int64_t(sequences[s].size()));
    for (int64_t t = batch.starts[s]; t < batch.starts[s + 1]; ++t)
      batch.positions.data<int32_t>()[t] += int32_t(before);
  }
  batch.parents = std::move(parents);
  return batch;
}

TokenBatch TokenBatch::next(std::span<const int32_t> ids, int64_t past, int64_t slot) {
  TokenBatch batch = pack({{std::vector<int32_t>(ids.begin(), ids.end())}});
  for (int32_t& p : batch.positions.span<int32_t>()) p += int32_t(past);
  batch.slots = {slot};
  return batch;
}

}  // namespace slm
