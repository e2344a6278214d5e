#include "data/parquet/thrift.h"

namespace slm {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::string_view kWhat = "the metadata";

}  // namespace

uint64_t read_varint(ByteReader& in, std::string_view what) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    uint64_t byte = in.number<uint8_t>(what);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail(ErrorKind::kCorrupt, "{}: a number of more than 64 bits in {}", in.origin(), what);
}

void ThriftReader::enter() {
  check_data(++depth_ <= kMaxDepth, "{}: the metadata is nested deeper than {}", in_.origin(),
             kMaxDepth);
}

bool ThriftReader::next_field(int64_t& id, ThriftType& type) {
  uint8_t head = in_.number<uint8_t>(kWhat);
  if (head == 0) return false;
  type = ThriftType(head & 0xf);
  int64_t step = head >> 4;
  id = step ? id + step : from_zigzag(read_varint(in_, kWhat));
  return true;
}

ThriftReader::ListHeader ThriftReader::list_header(ThriftType type) {
  if (type != ThriftType::kSet) expect(type, ThriftType::kList);
  uint8_t head = in_.number<uint8_t>(kWhat);
  uint64_t count = head >> 4;
  if (count == 15) count = read_varint(in_, kWhat);
  // Every element takes a byte at least.
  check_data(count <= in_.remaining(), "{}: a list of {} elements in {} bytes of metadata",
             in_.origin(), count, in_.remaining());
  return {int64_t(count), ThriftType(head & 0xf)};
}

int64_t ThriftReader::integer(ThriftType type) {
  if (type == ThriftType::kI8) return in_.number<int8_t>(kWhat);
  bool known = type == ThriftType::kI16 || type == ThriftType::kI32 || type == ThriftType::kI64;
  if (!known) expect(type, ThriftType::kI32);
  return from_zigzag(read_varint(in_, kWhat));
}

bool ThriftReader::boolean(ThriftType type) {
  if (type != ThriftType::kFalse) expect(type, ThriftType::kTrue);
  return type == ThriftType::kTrue;
}

std::string_view ThriftReader::binary(ThriftType type) {
  expect(type, ThriftType::kBinary);
  uint64_t size = read_varint(in_, kWhat);
  return in_.text(size_t(size), kWhat);
}

void ThriftReader::expect(ThriftType found, ThriftType expected) const {
  check_data(found == expected, "{}: metadata of type {} where {} was expected", in_.origin(),
             int(found), int(expected));
}

void ThriftReader::skip_map() {
  uint64_t count = read_varint(in_, kWhat);
  if (count == 0) return;
  uint8_t types = in_.number<uint8_t>(kWhat);
  check_data(count <= in_.remaining(), "{}: a map of {} entries in {} bytes of metadata",
             in_.origin(), count, in_.remaining());
  for (uint64_t i = 0; i < count; ++i) skip(ThriftType(types >> 4)), skip(ThriftType(types & 0xf));
}

void ThriftReader::skip(ThriftType type) {
  enter();
  switch (type) {
    case ThriftType::kTrue:
    case ThriftType::kFalse:
      break;
    case ThriftType::kI8:
    case ThriftType::kI16:
    case ThriftType::kI32:
    case ThriftType::kI64:
      integer(type);
      break;
    case ThriftType::kDouble:
      in_.take(8, kWhat);
      break;
    case ThriftType::kBinary:
      binary(type);
      break;
    case ThriftType::kList:
    case ThriftType::kSet:
      // Booleans in a list are a byte each.
      read_list(type, [&](ThriftType t) { skip(t <= ThriftType::kFalse ? ThriftType::kI8 : t); });
      break;
    case ThriftType::kMap:
      skip_map();
      break;
    case ThriftType::kStruct:
      read_struct([](int64_t, ThriftType) { return false; });
      break;
    default:
      fail(ErrorKind::kCorrupt, "{}: metadata of the unknown type {}", in_.origin(), int(type));
  }
  --depth_;
}

}  // namespace slm
