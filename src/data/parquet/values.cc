#include "data/parquet/values.h"

#include <array>
#include <utility>

#include "data/parquet/levels.h"
#include "data/parquet/thrift.h"

namespace slm {
namespace {

constexpr std::string_view kWhat = "the values of a page";

// Nanoseconds since 1970 from the twelve bytes of the old type of timestamps.
int64_t from_int96(ByteReader& in) {
  uint64_t nanoseconds = in.number<uint64_t>(kWhat), day = in.number<uint32_t>(kWhat);
  constexpr uint64_t kDay1970 = 2440588, kNanosecondsPerDay = 86'400'000'000'000;
  return int64_t((day - kDay1970) * kNanosecondsPerDay + nanoseconds);
}

ParquetValue plain_value(const ParquetColumnType& column, ByteReader& in) {
  switch (column.type) {
    case ParquetType::kInt32:
      return int64_t{in.number<int32_t>(kWhat)};
    case ParquetType::kInt64:
      return in.number<int64_t>(kWhat);
    case ParquetType::kInt96:
      return from_int96(in);
    case ParquetType::kFloat:
      return double(in.number<float>(kWhat));
    case ParquetType::kDouble:
      return in.number<double>(kWhat);
    case ParquetType::kBytes:
      return in.text(in.number<uint32_t>(kWhat), kWhat);
    case ParquetType::kFixedBytes:
      return in.text(size_t(column.length), kWhat);
    case ParquetType::kBoolean:
      break;  // packed, see plain_booleans
  }
  fail(ErrorKind::kUnsupported, "{}: booleans in this place", in.origin());
}

ParquetValues plain_booleans(ByteReader in) {
  auto bytes = in.take(in.remaining(), kWhat);
  return [bytes, at = uint64_t{0}, origin = in.origin()]() mutable -> ParquetValue {
    check_data(at < bytes.size() * 8, "{}: ends inside {}", origin, kWhat);
    return bits_at(bytes, at++, 1) == 1;
  };
}

ParquetValues plain(const ParquetColumnType& column, ByteReader in) {
  if (column.type == ParquetType::kBoolean) return plain_booleans(std::move(in));
  return [column, in = std::move(in)]() mutable { return plain_value(column, in); };
}

ParquetValues run_booleans(ByteReader in) {
  auto bytes = in.take(in.number<uint32_t>(kWhat), kWhat);
  RunDecoder runs(bytes, 1, in.origin());
  return [runs = std::move(runs)]() mutable -> ParquetValue { return runs.next() == 1; };
}

ParquetValues from_dictionary(ByteReader in, const ParquetDictionary& dictionary) {
  check_data(dictionary != nullptr, "{}: a page needs a dictionary that is not there", in.origin());
  int width = in.remaining() > 0 ? in.number<uint8_t>(kWhat) : 0;
  std::string origin = in.origin();
  RunDecoder indices(in.take(in.remaining(), kWhat), width, origin);
  return [indices = std::move(indices), dictionary, origin]() mutable {
    uint32_t index = indices.next();
    check_data(index < dictionary->size(), "{}: word {} of a dictionary of {}", origin, index,
               dictionary->size());
    return (*dictionary)[index];
  };
}

ParquetValues delta_integers(const ParquetColumnType& column, ByteReader in) {
  bool narrow = column.type == ParquetType::kInt32;
  return [deltas = DeltaDecoder(std::move(in)), narrow]() mutable -> ParquetValue {
    int64_t value = deltas.next();
    return narrow ? int64_t{int32_t(value)} : value;
  };
}

size_t checked_length(int64_t length, const std::string& origin) {
  check_data(length >= 0, "{}: a text of {} bytes", origin, length);
  return size_t(length);
}

ParquetValues delta_length_bytes(ByteReader in) {
  DeltaDecoder lengths(std::move(in));
  ByteReader texts = lengths.rest();
  return [lengths = std::move(lengths), texts = std::move(texts)]() mutable -> ParquetValue {
    return texts.text(checked_length(lengths.next(), texts.origin()), kWhat);
  };
}

// Each text shares a prefix with the one before it.
ParquetValues delta_bytes(ByteReader in) {
  DeltaDecoder prefixes(std::move(in));
  DeltaDecoder suffixes(prefixes.rest());
  ByteReader texts = suffixes.rest();
  auto last = std::make_shared<std::string>();
  return [prefixes = std::move(prefixes), suffixes = std::move(suffixes), texts = std::move(texts),
          last]() mutable -> ParquetValue {
    size_t prefix = checked_length(prefixes.next(), texts.origin());
    check_data(prefix <= last->size(), "{}: a prefix of {} bytes of a text of {}", texts.origin(),
               prefix, last->size());
    last->resize(prefix);
    *last += texts.text(checked_length(suffixes.next(), texts.origin()), kWhat);
    return std::string_view(*last);
  };
}

// First all first bytes, then all second bytes ...
ParquetValues byte_streams(const ParquetColumnType& column, ByteReader in) {
  constexpr std::array<size_t, 8> kSizes{1, 4, 8, 12, 4, 8, 0, 0};
  size_t size =
      column.type == ParquetType::kFixedBytes ? size_t(column.length) : kSizes[size_t(column.type)];
  std::string origin = in.origin();
  check_data(size > 0 && in.remaining() % size == 0, "{}: {} bytes in streams of {}", origin,
             in.remaining(), size);
  auto bytes = in.take(in.remaining(), kWhat);
  auto value = std::make_shared<std::string>(size, '\0');
  return [=, at = size_t{0}]() mutable {
    size_t count = bytes.size() / size;
    check_data(at < count, "{}: ends inside {}", origin, kWhat);
    for (size_t i = 0; i < size; ++i) (*value)[i] = char(bytes[i * count + at]);
    ++at;
    ByteReader gathered(std::as_bytes(std::span(*value)), origin);
    return plain_value(column, gathered);
  };
}

bool is_integer(ParquetType t) { return t == ParquetType::kInt32 || t == ParquetType::kInt64; }
bool is_bytes(ParquetType t) { return t == ParquetType::kBytes || t == ParquetType::kFixedBytes; }

}  // namespace

ParquetValues decode_values(int64_t encoding, const ParquetColumnType& column,
                            std::span<const std::byte> bytes, const ParquetDictionary& dictionary,
                            const std::string& origin) {
  ByteReader in(bytes, origin);
  switch (ParquetEncoding(encoding)) {
    case ParquetEncoding::kPlain:
      return plain(column, std::move(in));
    case ParquetEncoding::kPlainDictionary:
    case ParquetEncoding::kRleDictionary:
      return from_dictionary(std::move(in), dictionary);
    case ParquetEncoding::kRle:
      if (column.type == ParquetType::kBoolean) return run_booleans(std::move(in));
      break;
    case ParquetEncoding::kDeltaBinaryPacked:
      if (is_integer(column.type)) return delta_integers(column, std::move(in));
      break;
    case ParquetEncoding::kDeltaLengthBytes:
      if (column.type == ParquetType::kBytes) return delta_length_bytes(std::move(in));
      break;
    case ParquetEncoding::kDeltaBytes:
      if (is_bytes(column.type)) return delta_bytes(std::move(in));
      break;
    case ParquetEncoding::kByteStreamSplit:
      if (column.type != ParquetType::kBytes && column.type != ParquetType::kBoolean)
        return byte_streams(column, std::move(in));
      break;
  }
  fail(ErrorKind::kUnsupported, "{}: values of type {} in encoding {}", origin, int(column.type),
       encoding);
}

}  // namespace slm
