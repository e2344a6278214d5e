// Thrift's compact protocol, as far as the metadata of Parquet files is written in it. Every read
// is bounds-checked; nesting is bounded. Format: Apache Thrift, "Thrift compact protocol encoding".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "format/byte_reader.h"

namespace slm {

enum class ThriftType : uint8_t {
  kTrue = 1,  // booleans have no bytes of their own
  kFalse = 2,
  kI8 = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

class ThriftReader {
 public:
  ThriftReader(std::span<const std::byte> bytes, const std::string& origin) : in_(bytes, origin) {}

  size_t position() const { return in_.position(); }  // behind what was read

  // The fields of a struct in turn: field(id, type) reads one and returns true, or false to pass
  // over it.
  template <class Field>
  void read_struct(Field field) {
    enter();
    int64_t id = 0;
    for (ThriftType type; next_field(id, type);)
      if (!field(id, type)) skip(type);
    --depth_;
  }

  // The elements of a list: element(type) must read one.
  template <class Element>
  void read_list(ThriftType type, Element element) {
    auto [count, element_type] = list_header(type);
    for (int64_t i = 0; i < count; ++i) element(element_type);
  }

  int64_t integer(ThriftType type);  // of any width
  bool boolean(ThriftType type);     // as a field
  std::string_view binary(ThriftType type);
  void skip(ThriftType type);

 private:
  struct ListHeader {
    int64_t count;
    ThriftType type;
  };

  void enter();
  bool next_field(int64_t& id, ThriftType& type);
  ListHeader list_header(ThriftType type);
  void skip_map();
  void expect(ThriftType found, ThriftType expected) const;

  ByteReader in_;
  int depth_ = 0;
};

// LEB128, at most 64 bits, and the signed numbers that Thrift and Parquet write in it.
uint64_t read_varint(ByteReader& in, std::string_view what);
inline int64_t from_zigzag(uint64_t n) { return int64_t(n >> 1) ^ -int64_t(n & 1); }

}  // namespace slm
