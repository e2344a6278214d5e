#include "core/shape.h"

#include <algorithm>
#include <cassert>

#include "util/checked.h"

namespace slm {

Shape::Shape(std::span<const int64_t> dims) {
  check(dims.size() <= kMaxRank, "[shape] {} axes, at most {} are supported", dims.size(),
        kMaxRank);
  for (int64_t d : dims) check(d >= 0, "[shape] negative extent {}", d);
  rank_ = int(dims.size());
  std::copy(dims.begin(), dims.end(), dims_.begin());
}

int64_t Shape::operator[](int axis) const {
  if (axis < 0) axis += rank_;
  assert(axis >= 0 && axis < rank_);
  return dims_[size_t(axis)];
}

int64_t Shape::elements() const {
  int64_t n = 1;
  for (int64_t d : dims()) n = checked_mul(n, d, "[shape] element count");
  return n;
}

std::string Shape::to_string() const { return format("[{}]", fmt::join(dims(), ", ")); }

}  // namespace slm
