// The protobuf wire format, as far as SentencePiece models need it.
// https://protobuf.dev/programming-guides/encoding
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "util/error.h"

namespace slm {

// Walks the fields of one message:
//   ProtobufReader r(bytes, origin);
//   while (r.next()) if (r.field() == 1) use(r.text());
// A value that is not asked for is skipped. Errors when the bytes end inside a field.
class ProtobufReader {
 public:
  ProtobufReader(std::string_view bytes, std::string_view origin)
      : bytes_(bytes), origin_(origin) {}

  bool next() {
    if (at_ == bytes_.size()) return false;
    uint64_t tag = varint();
    field_ = tag >> 3;
    wire_ = int(tag & 7);
    check_data(field_ > 0 && field_ < (1 << 29), "{}: field number {} at byte {}", origin_, field_,
               at_);
    if (wire_ == kVarint) {
      number_ = varint();
    } else if (wire_ == kBytes) {
      text_ = take(varint());
    } else if (wire_ == kFixed32) {
      text_ = take(4);
    } else if (wire_ == kFixed64) {
      text_ = take(8);
    } else {
      fail(ErrorKind::kCorrupt, "{}: wire type {} at byte {}; not a SentencePiece model", origin_,
           wire_, at_);
    }
    return true;
  }

  uint64_t field() const { return field_; }
  int64_t integer() const { return expect(kVarint), int64_t(number_); }
  bool boolean() const { return integer() != 0; }
  std::string_view text() const { return expect(kBytes), text_; }
  float number() const {
    expect(kFixed32);
    uint32_t bits = 0;
    for (size_t i = 4; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(text_[i]);
    return std::bit_cast<float>(bits);
  }

 private:
  enum { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  void expect(int wire) const {
    check_data(wire_ == wire, "{}: field {} has wire type {}, expected {}", origin_, field_, wire_,
               wire);
  }
  std::string_view take(uint64_t size) {
    check_data(size <= bytes_.size() - at_, "{}: field {} says {} bytes, only {} are left", origin_,
               field_, size, bytes_.size() - at_);
    std::string_view out = bytes_.substr(at_, size);
    at_ += size;
    return out;
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      check_data(at_ < bytes_.size(), "{}: ends inside a field, at byte {}", origin_, at_);
      auto b = static_cast<unsigned char>(bytes_[at_++]);
      value |= uint64_t(b & 0x7F) << shift;
      if (b < 0x80) return value;
    }
    fail(ErrorKind::kCorrupt, "{}: a number longer than 64 bits at byte {}", origin_, at_);
  }

  std::string_view bytes_, origin_, text_;
  size_t at_ = 0;
  uint64_t field_ = 0, number_ = 0;
  int wire_ = -1;
};

}  // namespace slm
