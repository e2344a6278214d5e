#include "data/parquet/levels.h"

#include <algorithm>

#include "data/parquet/thrift.h"

namespace slm {

uint64_t bits_at(std::span<const std::byte> bytes, uint64_t position, int width) {
  uint64_t word = 0;
  size_t first = size_t(position / 8);
  if (first < bytes.size())
    std::memcpy(&word, bytes.data() + first, std::min<size_t>(8, bytes.size() - first));
  return word >> (position % 8) & ((uint64_t{1} << width) - 1);
}

RunDecoder::RunDecoder(std::span<const std::byte> bytes, int width, const std::string& origin)
    : in_(bytes, origin), width_(width) {
  check_data(width >= 0 && width <= 32, "{}: values of {} bits", origin, width);
}

void RunDecoder::start_run() {
  uint64_t header = read_varint(in_, "a run of values");
  packed_ = header & 1;
  uint64_t count = header >> 1;
  if (!packed_) {
    left_ = int64_t(count);
    auto bytes = in_.take(size_t(width_ + 7) / 8, "a run of values");
    value_ = uint32_t(bits_at(bytes, 0, width_));
    return;
  }
  // Some writers leave out the padding of the last group.
  uint64_t bytes = std::min<uint64_t>(in_.remaining(), count * uint64_t(width_));
  check_data(count < uint64_t{1} << 32 && (bytes > 0 || width_ == 0), "{}: an empty run of values",
             in_.origin());
  groups_ = in_.take(size_t(bytes), "a run of values");
  left_ = width_ == 0 ? int64_t(count * 8) : int64_t(bytes * 8 / uint64_t(width_));
  bit_ = 0;
}

uint32_t RunDecoder::next() {
  while (left_ == 0) start_run();
  --left_;
  if (!packed_) return value_;
  uint64_t at = bit_;
  bit_ += uint64_t(width_);
  return uint32_t(bits_at(groups_, at, width_));
}

}  // namespace slm
