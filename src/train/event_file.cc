#include "train/event_file.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "util/format.h"

namespace slm {
namespace {

constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
    table[i] = c;
  }
  return table;
}();

// Numbers of a record and of a message are little-endian.
template <class T>
std::string little_endian(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// TFRecords store checksums rotated and shifted, so that a checksum of a checksum is no accident.
std::string masked_crc(std::string_view bytes) {
  return little_endian(std::rotr(crc32c(bytes), 15) + 0xa282ead8u);
}

// Fields of a protocol buffer message, appended one by one.
class Message {
 public:
  Message& varint(int field, uint64_t value) {
    put_varint(uint64_t(field) << 3);
    put_varint(value);
    return *this;
  }
  Message& real(int field, double value) {
    put_varint(uint64_t(field) << 3 | 1);
    bytes_ += little_endian(value);
    return *this;
  }
  Message& real(int field, float value) {
    put_varint(uint64_t(field) << 3 | 5);
    bytes_ += little_endian(value);
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    put_varint(uint64_t(field) << 3 | 2);
    put_varint(value.size());
    bytes_ += value;
    return *this;
  }
  const std::string& text() const { return bytes_; }

 private:
  void put_varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) bytes_ += char(v | 0x80);
    bytes_ += char(v);
  }
  std::string bytes_;
};

// Field numbers of event.proto and summary.proto.
enum EventField { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7 };
enum SummaryField { kValue = 1, kTag = 1, kSimpleValue = 2 };
constexpr int kStatus = 1, kStarted = 1;

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::filesystem::path new_name(const std::filesystem::path& directory) {
  auto name = format("events.out.tfevents.{:010}.stablelm.{}", int64_t(wall_time()), getpid());
  std::filesystem::path path = directory / name;
  for (int i = 1; std::filesystem::exists(path); ++i) path = directory / format("{}.{}", name, i);
  return path;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t c = ~0u;
  for (char byte : bytes) c = kCrcTable[(c ^ uint8_t(byte)) & 255] ^ c >> 8;
  return ~c;
}

EventFile::EventFile(const std::filesystem::path& directory, int64_t resumed_step) {
  std::filesystem::create_directories(directory);
  path_ = new_name(directory);
  file_.emplace(path_);
  append(Message().real(kWallTime, wall_time()).bytes(kFileVersion, "brain.Event:2").text());
  if (resumed_step == 0) return;
  append(Message()
             .real(kWallTime, wall_time())
             .varint(kStep, uint64_t(resumed_step + 1))
             .bytes(kSessionLog, Message().varint(kStatus, kStarted).text())
             .text());
}

void EventFile::write(int64_t step, std::span<const Scalar> scalars) {
  Message summary;
  for (const Scalar& s : scalars)
    summary.bytes(kValue, Message().bytes(kTag, s.tag).real(kSimpleValue, float(s.value)).text());
  append(Message()
             .real(kWallTime, wall_time())
             .varint(kStep, uint64_t(step))
             .bytes(kSummary, summary.text())
             .text());
}

void EventFile::append(std::string_view event) {
  std::string length = little_endian(uint64_t(event.size()));
  std::string record = length + masked_crc(length);
  record.append(event).append(masked_crc(event));
  file_->append(record);
}

}  // namespace slm
