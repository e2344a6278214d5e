#include "data/parquet/levels.h"
#include "data/parquet/thrift.h"
#include "data/parquet/values.h"

namespace slm {
namespace {

constexpr std::string_view kWhat = "delta-encoded values";

}  // namespace

DeltaDecoder::DeltaDecoder(ByteReader in) : in_(std::move(in)) {
  uint64_t block = read_varint(in_, kWhat), miniblocks = read_varint(in_, kWhat);
  uint64_t count = read_varint(in_, kWhat);
  value_ = uint64_t(from_zigzag(read_varint(in_, kWhat)));
  constexpr uint64_t kMaxBlock = 1 << 20, kMaxCount = 1 << 26;
  check_data(miniblocks > 0 && miniblocks <= block && block <= kMaxBlock &&
                 block % miniblocks == 0 && block / miniblocks % 8 == 0 && count <= kMaxCount,
             "{}: {} delta-encoded values in blocks of {} in {} parts", in_.origin(), count, block,
             miniblocks);
  per_miniblock_ = int64_t(block / miniblocks);
  miniblocks_ = miniblock_ = int64_t(miniblocks);
  at_ = per_miniblock_;
  count_ = int64_t(count);
}

void DeltaDecoder::start_block() {
  least_ = uint64_t(from_zigzag(read_varint(in_, kWhat)));
  widths_ = in_.take(size_t(miniblocks_), kWhat);
  miniblock_ = 0;
}

int64_t DeltaDecoder::next() {
  check_data(given_ < count_, "{}: a page has only {} delta-encoded values", in_.origin(), count_);
  if (given_++ == 0) return int64_t(value_);
  if (at_ == per_miniblock_) {
    if (miniblock_ == miniblocks_) start_block();
    int width = int(widths_[size_t(miniblock_++)]);
    check_data(width <= 64, "{}: delta-encoded values of {} bits", in_.origin(), width);
    packed_ = in_.take(size_t(per_miniblock_ / 8 * width), kWhat);
    at_ = 0;
  }
  uint64_t width = packed_.size() * 8 / uint64_t(per_miniblock_), bit = uint64_t(at_++) * width;
  uint64_t low = std::min<uint64_t>(width, 32);
  uint64_t excess = bits_at(packed_, bit, int(low)) | bits_at(packed_, bit + low, int(width - low))
                                                          << (low == 32 ? 32 : 0);
  value_ += least_ + excess;  // wraps, as the format has it
  return int64_t(value_);
}

ByteReader DeltaDecoder::rest() const {
  DeltaDecoder ahead = *this;
  while (ahead.given_ < ahead.count_) ahead.next();
  return ahead.in_;
}

}  // namespace slm
