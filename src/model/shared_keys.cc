#include "model/shared_keys.h"

#include <algorithm>

namespace slm {
namespace {

// The sequences from the root to `leaf`, the root first.
std::vector<size_t> path_to(const TokenBatch& batch, size_t leaf) {
  std::vector<size_t> path;
  for (int64_t s = int64_t(leaf); s >= 0; s = batch.parents[size_t(s)]) path.push_back(size_t(s));
  std::ranges::reverse(path);
  return path;
}

std::vector<bool> leaves_of(const TokenBatch& batch) {
  std::vector<bool> leaf(batch.parents.size(), true);
  for (int64_t parent : batch.parents)
    if (parent >= 0) leaf[size_t(parent)] = false;
  return leaf;
}

void add_run(std::vector<RowRun>& runs, const RowRun& run) {
  if (!runs.empty() && runs.back().from + runs.back().count == run.from)
    runs.back().count += run.count;  // what is laid out grows without gaps
  else
    runs.push_back(run);
}

}  // namespace

SharedKeys share_keys(const TokenBatch& batch) {
  SharedKeys keys;
  keys.segments.resize(batch.parents.size(), {0, 0, 0, 0});
  std::vector<bool> leaf = leaves_of(batch);
  for (size_t s = 0; s < leaf.size(); ++s) {
    if (!leaf[s]) continue;
    int64_t begin = keys.rows;
    for (size_t on_path : path_to(batch, s)) {
      int64_t from = batch.starts[on_path], count = batch.starts[on_path + 1] - from;
      add_run(keys.runs, {from, keys.rows, count});
      keys.rows += count;
      AttentionSegment& segment = keys.segments[on_path];
      if (segment.q_len == 0) segment = {from, count, begin, keys.rows - begin};
    }
  }
  if (keys.rows == batch.tokens() && keys.runs.size() == 1) keys.runs.clear(), keys.rows = 0;
  return keys;
}

}  // namespace slm
