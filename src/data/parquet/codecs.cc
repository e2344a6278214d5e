#include "data/parquet/codecs.h"

#include <zlib.h>
#include <zstd.h>

#include <array>

#include "data/parquet/thrift.h"
#include "util/error.h"

namespace slm {
namespace {

void damaged(std::string_view codec, const std::string& origin) {
  fail(ErrorKind::kCorrupt, "{}: damaged {} data in a page", origin, codec);
}

// `count` bytes from `distance` back, which may overlap what they produce.
bool copy_back(std::string& out, size_t distance, size_t count, size_t size) {
  if (distance == 0 || distance > out.size() || count > size - out.size()) return false;
  size_t from = out.size() - distance;
  if (distance >= count) {
    out.append(out, from, count);
  } else {
    for (size_t i = 0; i < count; ++i) out += out[from + i];
  }
  return true;
}

void copy_plain(std::span<const std::byte> in, size_t size, std::string& out,
                const std::string& origin) {
  if (in.size() != size) damaged("uncompressed", origin);
  out.assign(reinterpret_cast<const char*>(in.data()), in.size());
}

void decompress_gzip(std::span<const std::byte> in, size_t size, std::string& out,
                     const std::string& origin) {
  z_stream z{};
  check(inflateInit2(&z, 15 + 32) == Z_OK, "{}: cannot start decompression", origin);
  out.resize(size);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  z.avail_in = uInt(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(size);
  int result = inflate(&z, Z_FINISH);
  while (result == Z_STREAM_END && z.avail_in > 0 && z.avail_out > 0) {  // further members
    if (inflateReset(&z) != Z_OK) break;
    result = inflate(&z, Z_FINISH);
  }
  bool complete = result == Z_STREAM_END && z.avail_out == 0;
  inflateEnd(&z);
  if (!complete) damaged("gzip", origin);
}

void decompress_zstd(std::span<const std::byte> in, size_t size, std::string& out,
                     const std::string& origin) {
  out.resize(size);
  size_t result = ZSTD_decompress(out.data(), size, in.data(), in.size());
  if (ZSTD_isError(result) || result != size) damaged("zstd", origin);
}

// A row per codec. No compression makes more than `ratio` bytes out of one: what claims to is
// refused before memory is taken for it.
struct Codec {
  const char* name;
  void (*decompress)(std::span<const std::byte>, size_t, std::string&, const std::string&);
  int64_t ratio;
};
constexpr std::array<Codec, 8> kCodecs{{
    {"none", copy_plain, 1},
    {"snappy", decompress_snappy, 64},
    {"gzip", decompress_gzip, 1100},
    {"lzo", nullptr, 0},
    {"brotli", nullptr, 0},
    {"lz4 with Hadoop's frames", nullptr, 0},
    {"zstd", decompress_zstd, 1 << 16},
    {"lz4", decompress_lz4, 256},
}};

}  // namespace

std::string decompress_page(int64_t codec, std::span<const std::byte> in, int64_t size,
                            const std::string& origin) {
  check_data(codec >= 0 && codec < std::ssize(kCodecs), "{}: pages in the unknown compression {}",
             origin, codec);
  const Codec& c = kCodecs[size_t(codec)];
  if (!c.decompress)
    fail(ErrorKind::kUnsupported,
         "{}: pages compressed with {}; write it again with none, snappy, gzip, zstd or lz4",
         origin, c.name);
  constexpr int64_t kSmall = 1024;
  check_data(size <= kSmall + c.ratio * int64_t(in.size()),
             "{}: a page of {} bytes compressed by {} to {}", origin, size, c.name, in.size());
  std::string out;
  if (size > 0) c.decompress(in, size_t(size), out, origin);
  return out;
}

void decompress_snappy(std::span<const std::byte> in, size_t size, std::string& out,
                       const std::string& origin) {
  ByteReader reader(in, origin);
  if (read_varint(reader, "a snappy page") != size) damaged("snappy", origin);
  out.reserve(size);
  auto little_endian = [&](size_t bytes) {
    size_t value = 0;
    for (size_t i = 0; i < bytes; ++i)
      value |= size_t(reader.number<uint8_t>("a snappy page")) << (8 * i);
    return value;
  };
  while (reader.remaining() > 0) {
    size_t tag = little_endian(1), kind = tag & 3, length = (tag >> 2) + 1;
    bool ok = true;
    if (kind == 0) {  // bytes as they are; from 61 the length follows
      if (length > 60) length = little_endian(length - 60) + 1;
      ok = length <= size - out.size();
      if (ok) out += reader.text(length, "a snappy page");
    } else if (kind == 1) {
      size_t distance = (tag >> 5) << 8 | little_endian(1);
      ok = copy_back(out, distance, 4 + (tag >> 2 & 7), size);
    } else {
      ok = copy_back(out, little_endian(kind == 2 ? 2 : 4), length, size);
    }
    if (!ok) damaged("snappy", origin);
  }
  if (out.size() != size) damaged("snappy", origin);
}

void decompress_lz4(std::span<const std::byte> in, size_t size, std::string& out,
                    const std::string& origin) {
  ByteReader reader(in, origin);
  out.reserve(size);
  auto extended = [&](size_t length) {  // 15 says that more follows
    if (length < 15) return length;
    for (size_t more = 255; more == 255; length += more)
      more = reader.number<uint8_t>("an lz4 page");
    return length;
  };
  while (reader.remaining() > 0) {
    size_t token = reader.number<uint8_t>("an lz4 page");
    size_t literals = extended(token >> 4);
    if (literals > size - out.size()) damaged("lz4", origin);
    out += reader.text(literals, "an lz4 page");
    if (reader.remaining() == 0) break;  // the last sequence has no match
    size_t distance = reader.number<uint16_t>("an lz4 page");
    size_t matched = extended(token & 15) + 4;
    if (!copy_back(out, distance, matched, size)) damaged("lz4", origin);
  }
  if (out.size() != size) damaged("lz4", origin);
}

}  // namespace slm
