// The extents of a tensor, outermost first, in place (no allocation).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace slm {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;  // a scalar
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);  // error over kMaxRank axes or below zero

  int rank() const { return rank_; }
  int64_t operator[](int axis) const;  // negative counts from the end
  int64_t elements() const;            // error when it does not fit in 63 bits
  std::string to_string() const;       // "[2, 3]"
  std::span<const int64_t> dims() const { return {dims_.data(), size_t(rank_)}; }

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

}  // namespace slm
