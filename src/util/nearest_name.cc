#include "util/nearest_name.h"

#include <algorithm>
#include <vector>

namespace slm {
namespace {

constexpr size_t kLongestName = 256;  // longer text is no misspelt name

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.size() > kLongestName) return {};
  std::string_view best;
  size_t fewest = name.size() / 2 + 1;  // more edits than this make another word
  for (std::string_view candidate : candidates) {
    size_t edits = edit_distance(name, candidate);
    if (edits < fewest) fewest = edits, best = candidate;
  }
  return std::string(best);
}

}  // namespace slm
