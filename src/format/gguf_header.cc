#include "format/gguf_header.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <unordered_set>

#include "format/byte_reader.h"
#include "format/gguf_types.h"
#include "util/checked.h"

namespace slm {
namespace {

constexpr size_t kMaxKey = 65535;
// Far above any vocabulary; bounds what a hostile file can make of its own size.
constexpr uint64_t kMaxArray = uint64_t{1} << 26;
constexpr int64_t kMinAlignment = 8, kMaxAlignment = 65536;

std::string read_string(ByteReader& in, std::string_view what, size_t most = SIZE_MAX) {
  auto length = in.number<uint64_t>(what);
  check_data(length <= most, "{}: {} is {} bytes long, expected at most {}", in.origin(), what,
             length, most);
  return std::string(in.text(length, what));
}

template <class T>
T read_one(ByteReader& in, std::string_view what) {
  if constexpr (std::is_same_v<T, std::string>) {
    return read_string(in, what);
  } else if constexpr (std::is_same_v<T, bool>) {
    auto byte = in.number<uint8_t>(what);
    check_data(byte <= 1, "{}: {}: a bool must be 0 or 1, found {}", in.origin(), what, byte);
    return byte == 1;
  } else {
    return in.number<T>(what);
  }
}

template <class T>
std::vector<T> read_list(ByteReader& in, std::string_view what) {
  constexpr bool kText = std::is_same_v<T, std::string>;
  constexpr uint64_t kLeastBytes = kText ? sizeof(uint64_t) : sizeof(T);
  auto count = in.number<uint64_t>(what);
  check_data(count <= kMaxArray && count <= in.remaining() / kLeastBytes,
             "{}: {}: an array of {} elements does not fit in the {} bytes left (and at most {} "
             "are read)",
             in.origin(), what, count, in.remaining(), kMaxArray);
  std::vector<T> list;
  if (!kText) list.reserve(count);  // strings take more than their bytes in the file
  for (uint64_t i = 0; i < count; ++i) list.push_back(read_one<T>(in, what));
  return list;
}

// Reads the alternative of a variant whose index is `type`; false when there is none. Elements of
// arrays have no alternative for arrays.
template <class Variant, size_t I = 0>
bool read_alternative(ByteReader& in, uint32_t type, std::string_view what, Variant& out) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return false;
  } else {
    using T = std::variant_alternative_t<I, Variant>;
    if (type != I) return read_alternative<Variant, I + 1>(in, type, what, out);
    if constexpr (std::is_same_v<T, std::monostate>) {
      fail(ErrorKind::kUnsupported, "{}: {}: arrays of arrays are not supported", in.origin(),
           what);
    } else if constexpr (std::is_same_v<T, GgufArray>) {
      auto element = in.number<uint32_t>(what);
      GgufArray array;
      check_data(read_alternative(in, element, what, array),
                 "{}: {}: {} is not a type of array elements", in.origin(), what, element);
      out = std::move(array);
    } else if constexpr (std::is_same_v<Variant, GgufArray>) {
      out = read_list<typename T::value_type>(in, what);
    } else {
      out = read_one<T>(in, what);
    }
    return true;
  }
}

void read_metadata(ByteReader& in, uint64_t count, GgufMetadata& metadata) {
  for (uint64_t i = 0; i < count; ++i) {
    std::string key = read_string(in, "a metadata key", kMaxKey);
    check_data(!key.empty(), "{}: metadata key {} is empty", in.origin(), i);
    std::string what = format("key \"{}\"", key);
    auto type = in.number<uint32_t>(what);
    GgufValue value;
    check_data(read_alternative(in, type, what, value), "{}: {}: {} is not a type of values",
               in.origin(), what, type);
    metadata.add(std::move(key), std::move(value));
  }
}

// The extents of a tensor; the file has the innermost first.
Shape read_shape(ByteReader& in, std::string_view what) {
  auto rank = in.number<uint32_t>(what);
  check_data(rank >= 1 && rank <= kGgufMaxRank, "{}: {} has {} axes, expected 1 to {}", in.origin(),
             what, rank, kGgufMaxRank);
  std::vector<int64_t> dims(rank);
  int64_t elements = 1;
  for (uint32_t axis = 0; axis < rank; ++axis) {
    auto extent = in.number<uint64_t>(what);
    check_data(extent >= 1 && extent <= uint64_t{INT64_MAX}, "{}: {}: extent {} must be positive",
               in.origin(), what, extent);
    dims[rank - 1 - axis] = int64_t(extent);
    elements = checked_mul(elements, int64_t(extent), format("{}: {}", in.origin(), what));
  }
  return Shape(dims);
}

// One tensor. begin and end count from the start of the data until that is known.
GgufHeader::Entry read_tensor_info(ByteReader& in, int64_t alignment) {
  GgufHeader::Entry entry{.name = read_string(in, "a tensor name", kGgufMaxTensorName)};
  check_data(!entry.name.empty(), "{}: a tensor has no name", in.origin());
  std::string what = format("tensor \"{}\"", entry.name);
  entry.shape = read_shape(in, what);
  auto type = in.number<uint32_t>(what);
  auto dtype = dtype_of_ggml(type);
  if (!dtype)
    fail(ErrorKind::kUnsupported, "{}: {} is of type {}, supported are {}", in.origin(), what,
         ggml_type_name(type), supported_ggml_types());
  entry.dtype = *dtype;
  const DTypeTraits& t = traits(*dtype);
  check_data(entry.shape[-1] % t.block_elems == 0,
             "{}: {} has rows of {} numbers, not a whole number of {} blocks of {}", in.origin(),
             what, entry.shape[-1], t.name, t.block_elems);
  int64_t bytes = checked_mul(entry.shape.elements() / t.block_elems, int64_t{t.block_bytes},
                              format("{}: {}", in.origin(), what));
  auto offset = in.number<uint64_t>(what);
  check_data(offset <= in.position() + in.remaining(), "{}: {} would lie at byte {} of the data",
             in.origin(), what, offset);
  check_data(offset % uint64_t(alignment) == 0,
             "{}: {} lies at byte {} of the data, not a multiple of the alignment {}", in.origin(),
             what, offset, alignment);
  entry.begin = int64_t(offset);
  entry.end = checked_add(entry.begin, bytes, format("{}: {}", in.origin(), what));
  return entry;
}

// Turns offsets into bytes of the file; every tensor must lie inside it, none over another.
void place_tensors(GgufHeader& header, int64_t data_start, int64_t file_bytes) {
  const std::string& origin = header.metadata.origin();
  std::vector<GgufHeader::Entry*> order;
  for (GgufHeader::Entry& entry : header.tensors) {
    check_data(entry.end <= file_bytes - data_start,
               "{}: tensor \"{}\" would end at byte {} of the data, the file has {}", origin,
               entry.name, entry.end, std::max<int64_t>(0, file_bytes - data_start));
    entry.begin += data_start, entry.end += data_start;
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->begin < b->begin; });
  for (size_t i = 1; i < order.size(); ++i)
    check_data(order[i - 1]->end <= order[i]->begin, "{}: tensors \"{}\" and \"{}\" overlap",
               origin, order[i - 1]->name, order[i]->name);
}

void check_version(uint32_t version, const std::string& origin) {
  if (version >= 2 && version <= kGgufVersion) return;
  bool swapped = version != 0 && (version & 0xffff) == 0;
  fail(ErrorKind::kUnsupported, "{}: {}; versions 2 and 3 are read", origin,
       swapped ? std::string("this GGUF file is big-endian")
               : format("this is GGUF version {}", version));
}

}  // namespace

int64_t gguf_alignment(const GgufMetadata& metadata) {
  int64_t alignment = metadata.integer_or("general.alignment", kGgufDefaultAlignment);
  check_data(alignment >= kMinAlignment && alignment <= kMaxAlignment &&
                 std::has_single_bit(uint64_t(alignment)),
             "{}: key \"general.alignment\" must be a power of two from {} to {}, found {}",
             metadata.origin(), kMinAlignment, kMaxAlignment, alignment);
  return alignment;
}

GgufHeader parse_gguf_header(std::span<const std::byte> file, const std::string& origin) {
  ByteReader in(file, origin);
  check_data(file.size() >= 4 && in.number<uint32_t>("the magic") == kGgufMagic,
             "{}: not a GGUF file: it does not begin with \"GGUF\"", origin);
  check_version(in.number<uint32_t>("the version"), origin);
  auto tensors = in.number<uint64_t>("the number of tensors");
  auto keys = in.number<uint64_t>("the number of keys");
  // The least a key takes: its length, a letter, a type, a byte; a tensor: its name's length, a
  // letter, the rank, an extent, a type, an offset.
  check_data(keys <= in.remaining() / 14 && tensors <= in.remaining() / 33,
             "{}: {} keys and {} tensors do not fit in the {} bytes left", origin, keys, tensors,
             in.remaining());
  GgufHeader header{.metadata = GgufMetadata(origin)};
  read_metadata(in, keys, header.metadata);
  int64_t alignment = gguf_alignment(header.metadata);
  std::unordered_set<std::string_view> names;
  header.tensors.reserve(tensors);  // names stay where they are; bounded by the file's size
  for (uint64_t i = 0; i < tensors; ++i) {
    header.tensors.push_back(read_tensor_info(in, alignment));
    const std::string& name = header.tensors.back().name;
    check_data(names.insert(name).second, "{}: tensor \"{}\" appears a second time", origin, name);
  }
  auto start = int64_t(in.position());
  place_tensors(header, (start + alignment - 1) / alignment * alignment, int64_t(file.size()));
  return header;
}

}  // namespace slm
