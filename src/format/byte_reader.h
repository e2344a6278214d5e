// Little-endian numbers read from bytes that may be too short or lie about their own sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "util/error.h"

namespace slm {

// Walks over bytes it does not own. Every read is bounds-checked; an error reads
// "<origin>: ends at byte 12, inside <what>".
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string origin, size_t position = 0)
      : bytes_(bytes), origin_(std::move(origin)), position_(position) {}

  const std::string& origin() const { return origin_; }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  void seek(size_t position, std::string_view what) {
    check_data(position <= bytes_.size(), "{}: {} would lie at byte {}, the file has {}", origin_,
               what, position, bytes_.size());
    position_ = position;
  }

  std::span<const std::byte> take(size_t count, std::string_view what) {
    check_data(count <= remaining(), "{}: ends at byte {}, inside {}", origin_, bytes_.size(),
               what);
    auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  std::string_view text(size_t count, std::string_view what) {
    auto taken = take(count, what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  template <class T>
  T number(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  std::string origin_;
  size_t position_;
};

}  // namespace slm
