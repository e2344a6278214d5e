#include "data/token_summary.h"

#include <algorithm>
#include <bit>

#include "util/format.h"
#include "util/progress.h"

namespace slm {

TokenSummary summarize(const TokenFile& file) {
  TokenSummary out{.documents = file.documents(), .tokens = file.tokens()};
  std::vector<int32_t> lengths(size_t(file.documents()));
  for (size_t d = 0; d < lengths.size(); ++d) {
    int32_t n = lengths[d] = int32_t(file.length(int64_t(d)));
    size_t bucket = size_t(std::bit_width(uint32_t(n)));
    if (bucket >= out.lengths.size()) out.lengths.resize(bucket + 1);
    ++out.lengths[bucket];
  }
  if (lengths.empty()) return out;
  auto middle = lengths.begin() + std::ptrdiff_t(lengths.size() / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  auto [least, most] = std::minmax_element(lengths.begin(), lengths.end());
  out.median = *middle;
  out.shortest = *least;
  out.longest = *most;
  out.empty = out.lengths[0];
  return out;
}

std::string draw_lengths(const TokenSummary& summary) {
  constexpr int64_t kWidth = 40;
  int64_t most = 1;
  for (int64_t n : summary.lengths) most = std::max(most, n);
  std::string out;
  for (size_t i = 0; i < summary.lengths.size(); ++i) {
    int64_t n = summary.lengths[i];
    if (n == 0) continue;
    int64_t from = i == 0 ? 0 : int64_t{1} << (i - 1), to = i == 0 ? 0 : (int64_t{1} << i) - 1;
    std::string range = from == to ? format("{}", from) : format("{}-{}", from, to);
    // What is there shows, however little it is.
    std::string bar(size_t((n * kWidth + most - 1) / most), '#');
    out += format("  {:>21} tokens {:>8}  {}\n", range, format_count(double(n)), bar);
  }
  return out;
}

}  // namespace slm
