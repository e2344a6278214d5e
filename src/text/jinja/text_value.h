// A string of a template that remembers which of its bytes came from outside: what users wrote must
// not turn into special tokens, wherever a template puts it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slm::jinja {

class Text {
 public:
  Text() = default;
  Text(std::string bytes, bool outside = false)  // NOLINT: strings are texts
      : bytes_(std::move(bytes)), marks_(outside ? bytes_.size() : 0, '\1') {}

  const std::string& str() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  bool outside(size_t i) const { return !marks_.empty() && marks_[i]; }

  Text sub(size_t from, size_t to) const {
    Text out(bytes_.substr(from, to - from));
    if (!marks_.empty()) out.marks_ = marks_.substr(from, to - from);
    return out;
  }

  Text& operator+=(const Text& other) {
    bool marked = !marks_.empty() || !other.marks_.empty();
    if (marked) {
      marks_.resize(bytes_.size(), '\0');
      marks_ += other.marks_;
    }
    bytes_ += other.bytes_;
    if (marked) marks_.resize(bytes_.size(), '\0');
    return *this;
  }

 private:
  std::string bytes_;  // valid UTF-8
  std::string marks_;  // of each byte; empty: none is from outside
};

}  // namespace slm::jinja
