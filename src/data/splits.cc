#include "data/splits.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "util/error.h"

namespace slm {
namespace {

std::array<double, 3> fractions(std::string_view split) {
  std::array<double, 3> parts{};
  size_t count = 0;
  double sum = 0;
  for (std::string_view rest = split; !rest.empty();) {
    size_t end = std::min(rest.find_first_of(",/"), rest.size());
    std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    double value = 0;
    auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    check(error == std::errc() && stop == part.data() + part.size() && count < 3 && value >= 0 &&
              std::isfinite(value),
          "[split] \"{}\" must be up to three numbers from 0 with commas, like \"969, 30, 1\"",
          split);
    sum += parts[count++] = value;
  }
  check(sum > 0 && std::isfinite(sum), "[split] \"{}\" leaves nothing", split);
  for (double& p : parts) p /= sum;
  return parts;
}

}  // namespace

std::array<int64_t, 4> split_boundaries(std::string_view split, int64_t documents) {
  std::array<int64_t, 4> bounds{};
  auto parts = fractions(split);
  // nearbyint rounds halves to even, as the original does.
  for (size_t i = 0; i < 3; ++i)
    bounds[i + 1] = bounds[i] + int64_t(std::nearbyint(parts[i] * double(documents)));
  int64_t excess = bounds[3] - documents;
  for (size_t i = 1; i < 4; ++i) bounds[i] -= excess;
  return bounds;
}

}  // namespace slm
