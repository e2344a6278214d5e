#include "format/zip.h"

#include <algorithm>
#include <string_view>

#include "format/byte_reader.h"

namespace slm {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr size_t kEndSize = 22, kEnd64LocatorSize = 20, kMaxComment = 65535;
constexpr uint16_t kIn64 = 0xffff;          // "see the ZIP64 record"
constexpr uint32_t kIn64Wide = 0xffffffff;  // the same in a 32-bit field

struct Directory {
  uint64_t entries, size, offset;
};

// The last record of the file, behind which only a comment of the stated length follows.
size_t find_end(std::span<const std::byte> file, const std::string& origin) {
  ByteReader in(file, origin);
  size_t lowest = file.size() > kEndSize + kMaxComment ? file.size() - kEndSize - kMaxComment : 0;
  for (size_t at = file.size() >= kEndSize ? file.size() - kEndSize + 1 : 0; at-- > lowest;) {
    in.seek(at, "the zip directory");
    if (in.number<uint32_t>("the zip directory") != kEnd) continue;
    in.seek(at + kEndSize - 2, "the zip directory");
    if (in.number<uint16_t>("the zip directory") == in.remaining()) return at;
  }
  fail(ErrorKind::kCorrupt, "{}: no zip directory at the end; the file is truncated", origin);
}

Directory read_end64(ByteReader& in, size_t end) {
  constexpr std::string_view kWhat = "the ZIP64 directory record";
  check_data(end >= kEnd64LocatorSize, "{}: the ZIP64 locator is missing", in.origin());
  in.seek(end - kEnd64LocatorSize, kWhat);
  check_data(in.number<uint32_t>(kWhat) == kEnd64Locator, "{}: the ZIP64 locator is missing",
             in.origin());
  in.take(4, kWhat);
  uint64_t at = in.number<uint64_t>(kWhat);
  check_data(at <= end, "{}: the ZIP64 record would lie at byte {}", in.origin(), at);
  in.seek(size_t(at), kWhat);
  check_data(in.number<uint32_t>(kWhat) == kEnd64, "{}: no ZIP64 record at byte {}", in.origin(),
             at);
  in.take(28, kWhat);  // sizes, versions, disks, entries on this disk
  uint64_t entries = in.number<uint64_t>(kWhat);
  uint64_t size = in.number<uint64_t>(kWhat);
  return {entries, size, in.number<uint64_t>(kWhat)};
}

Directory read_end(ByteReader& in, size_t end) {
  constexpr std::string_view kWhat = "the zip directory";
  in.seek(end + 4, kWhat);
  uint16_t disk = in.number<uint16_t>(kWhat), start_disk = in.number<uint16_t>(kWhat);
  in.take(2, kWhat);
  uint16_t entries = in.number<uint16_t>(kWhat);
  uint32_t size = in.number<uint32_t>(kWhat), offset = in.number<uint32_t>(kWhat);
  if (entries == kIn64 || size == kIn64Wide || offset == kIn64Wide) return read_end64(in, end);
  check_data(disk == 0 && start_disk == 0, "{}: an archive over several disks", in.origin());
  return {entries, size, offset};
}

struct CentralEntry {
  std::string name;
  uint16_t flags, method;
  uint64_t packed, size, local_offset;
};

// Replaces the saturated fields by those of the ZIP64 extra block, which come in this order.
void widen(CentralEntry& e, std::span<const std::byte> extra, const std::string& origin) {
  if (e.packed != kIn64Wide && e.size != kIn64Wide && e.local_offset != kIn64Wide) return;
  ByteReader in(extra, format("{}: extra field of \"{}\"", origin, e.name));
  while (in.remaining() > 0) {
    uint16_t id = in.number<uint16_t>("a block id"), length = in.number<uint16_t>("a block length");
    ByteReader block(in.take(length, "a block"), in.origin());
    if (id != 1) continue;
    for (uint64_t* field : {&e.size, &e.packed, &e.local_offset})
      if (*field == kIn64Wide) *field = block.number<uint64_t>("the ZIP64 block");
    return;
  }
  fail(ErrorKind::kCorrupt, "{}: \"{}\" has no ZIP64 sizes", origin, e.name);
}

CentralEntry read_central(ByteReader& in) {
  constexpr std::string_view kWhat = "the zip directory";
  check_data(in.number<uint32_t>(kWhat) == kCentral, "{}: no zip directory entry at byte {}",
             in.origin(), in.position() - 4);
  CentralEntry e;
  in.take(4, kWhat);  // versions
  e.flags = in.number<uint16_t>(kWhat);
  e.method = in.number<uint16_t>(kWhat);
  in.take(8, kWhat);  // time, date, checksum
  e.packed = in.number<uint32_t>(kWhat);
  e.size = in.number<uint32_t>(kWhat);
  uint16_t name = in.number<uint16_t>(kWhat), extra = in.number<uint16_t>(kWhat);
  uint16_t comment = in.number<uint16_t>(kWhat);
  in.take(8, kWhat);  // disk, attributes
  e.local_offset = in.number<uint32_t>(kWhat);
  e.name = in.text(name, kWhat);
  widen(e, in.take(extra, kWhat), in.origin());
  in.take(comment, kWhat);
  return e;
}

// The local header repeats the name and has an extra field of its own: only it tells where the
// contents start.
ZipEntry locate(const CentralEntry& e, std::span<const std::byte> file, const std::string& origin) {
  constexpr std::string_view kWhat = "a zip entry";
  check_data((e.flags & 1) == 0, "{}: \"{}\" is encrypted", origin, e.name);
  check_data(e.method == 0, "{}: \"{}\" is compressed (method {}); only stored entries are read",
             origin, e.name, e.method);
  check_data(e.packed == e.size, "{}: \"{}\" is stored with {} bytes but claims {}", origin, e.name,
             e.packed, e.size);
  check_data(e.local_offset <= file.size(), "{}: \"{}\" would lie at byte {} of {}", origin, e.name,
             e.local_offset, file.size());
  ByteReader in(file, origin, size_t(e.local_offset));
  check_data(in.number<uint32_t>(kWhat) == kLocal, "{}: no entry at byte {} for \"{}\"", origin,
             e.local_offset, e.name);
  in.take(22, kWhat);
  uint16_t name = in.number<uint16_t>(kWhat), extra = in.number<uint16_t>(kWhat);
  check_data(in.text(name, kWhat) == e.name, "{}: the entry at byte {} is not named \"{}\"", origin,
             e.local_offset, e.name);
  in.take(extra, kWhat);
  check_data(e.size <= in.remaining(), "{}: \"{}\" has {} bytes, {} are left in the file", origin,
             e.name, e.size, in.remaining());
  return {int64_t(in.position()), int64_t(e.size)};
}

}  // namespace

std::map<std::string, ZipEntry, std::less<>> read_zip_directory(std::span<const std::byte> file,
                                                                const std::string& origin) {
  ByteReader in(file, origin);
  Directory directory = read_end(in, find_end(file, origin));
  check_data(directory.offset <= file.size() && directory.size <= file.size() - directory.offset,
             "{}: the zip directory of {} bytes at byte {} does not fit the file of {}", origin,
             directory.size, directory.offset, file.size());
  in = ByteReader(file.first(size_t(directory.offset + directory.size)), origin,
                  size_t(directory.offset));
  std::map<std::string, ZipEntry, std::less<>> entries;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    CentralEntry e = read_central(in);
    check_data(entries.emplace(e.name, locate(e, file, origin)).second,
               "{}: \"{}\" appears twice in the archive", origin, e.name);
  }
  return entries;
}

}  // namespace slm
