#include "data/parquet/metadata.h"

#include "data/parquet/thrift.h"

namespace slm {
namespace {

using Type = ThriftType;

constexpr std::string_view kMagic = "PAR1", kEncryptedMagic = "PARE";
constexpr int64_t kMaxPageBytes = int64_t{1} << 30;
constexpr int64_t kMaxPageValues = int64_t{1} << 26;

// What the older annotation of an element (ConvertedType) says.
void annotate(ParquetElement& e, int64_t converted) {
  constexpr int64_t kUtf8 = 0, kMap = 1, kMapKeyValue = 2, kList = 3, kEnum = 4, kDecimal = 5,
                    kUint8 = 11, kUint64 = 14, kJson = 19;
  if (converted == kUtf8 || converted == kEnum || converted == kJson)
    e.meaning = ParquetMeaning::kText;
  if (converted == kMap || converted == kMapKeyValue || converted == kList) e.list = true;
  if (converted == kDecimal) e.meaning = ParquetMeaning::kDecimal;
  if (converted >= kUint8 && converted <= kUint64) e.meaning = ParquetMeaning::kUnsigned;
}

// The newer one, a union of structs, some with fields of their own.
void annotate_logical(ThriftReader& in, ParquetElement& e) {
  constexpr int64_t kString = 1, kMap = 2, kList = 3, kEnum = 4, kDecimal = 5, kInteger = 10,
                    kJson = 12;
  in.read_struct([&](int64_t kind, Type type) {
    if (type != Type::kStruct) return false;
    if (kind == kString || kind == kEnum || kind == kJson) e.meaning = ParquetMeaning::kText;
    if (kind == kMap || kind == kList) e.list = true;
    if (kind == kDecimal) e.meaning = ParquetMeaning::kDecimal;
    if (kind != kInteger && kind != kDecimal) return false;
    in.read_struct([&](int64_t id, Type t) {
      if (kind == kDecimal && id == 1) return e.scale = in.integer(t), true;
      if (kind == kInteger && id == 2) {
        if (!in.boolean(t)) e.meaning = ParquetMeaning::kUnsigned;
        return true;
      }
      return false;
    });
    return true;
  });
}

class FooterReader {
 public:
  FooterReader(std::span<const std::byte> footer, int64_t file_bytes, const std::string& origin)
      : in_(footer, origin), file_bytes_(file_bytes), origin_(origin) {}

  ParquetFooter read() {
    ParquetFooter out;
    in_.read_struct([&](int64_t id, Type type) {
      if (id == 2)
        in_.read_list(type, [&](Type) { out.schema.push_back(element()); });
      else if (id == 3)
        out.rows = in_.integer(type);
      else if (id == 4)
        in_.read_list(type, [&](Type) { out.groups.push_back(group()); });
      else
        return false;
      return true;
    });
    return out;
  }

 private:
  ParquetElement element() {
    ParquetElement e;
    in_.read_struct([&](int64_t id, Type type) {
      if (id == 1)
        e.type = ParquetType(bounded(type, 7, "the type of a column"));
      else if (id == 2)
        e.type_length = bounded(type, INT32_MAX, "the width of a column");
      else if (id == 3)
        e.repetition = ParquetRepetition(bounded(type, 2, "the repetition of a column"));
      else if (id == 4)
        e.name = in_.binary(type);
      else if (id == 5)
        e.children = bounded(type, INT32_MAX, "the number of children");
      else if (id == 6)
        annotate(e, in_.integer(type));
      else if (id == 7)
        e.scale = in_.integer(type);
      else if (id == 10)
        annotate_logical(in_, e);
      else
        return false;
      return true;
    });
    return e;
  }

  ParquetGroup group() {
    ParquetGroup g;
    in_.read_struct([&](int64_t id, Type type) {
      if (id == 1)
        in_.read_list(type, [&](Type) { g.chunks.push_back(chunk()); });
      else if (id == 3)
        g.rows = bounded(type, INT64_MAX, "the rows of a group");
      else
        return false;
      return true;
    });
    return g;
  }

  ParquetChunk chunk() {
    std::optional<ParquetChunk> out;
    in_.read_struct([&](int64_t id, Type type) {
      check_data(id != 1, "{}: its columns lie in other files, which is not supported", origin_);
      if (id != 3 || type != Type::kStruct) return false;
      out = chunk_metadata();
      return true;
    });
    check_data(out.has_value(), "{}: a column without metadata (encrypted?)", origin_);
    return *out;
  }

  ParquetChunk chunk_metadata() {
    ParquetChunk c{};
    int64_t data = 0, dictionary = 0;
    in_.read_struct([&](int64_t id, Type type) {
      if (id == 1)
        c.type = ParquetType(bounded(type, 7, "the type of a column"));
      else if (id == 4)
        c.codec = in_.integer(type);
      else if (id == 5)
        c.values = bounded(type, INT64_MAX, "the values of a column");
      else if (id == 7)
        c.bytes = bounded(type, file_bytes_, "the bytes of a column");
      else if (id == 9)
        data = bounded(type, file_bytes_, "the place of a column");
      else if (id == 11)
        dictionary = bounded(type, file_bytes_, "the place of a dictionary");
      else
        return false;
      return true;
    });
    c.begin = dictionary > 0 && dictionary < data ? dictionary : data;
    check_data(c.bytes <= file_bytes_ - c.begin,
               "{}: a column of {} bytes at byte {} of a file of {}", origin_, c.bytes, c.begin,
               file_bytes_);
    return c;
  }

  int64_t bounded(Type type, int64_t most, std::string_view what) {
    int64_t value = in_.integer(type);
    check_data(value >= 0 && value <= most, "{}: {} is {}, expected 0..{}", origin_, what, value,
               most);
    return value;
  }

  ThriftReader in_;
  int64_t file_bytes_;
  const std::string& origin_;
};

// The part of the header that depends on the kind of page.
void read_page_details(ThriftReader& in, ParquetPage& p, bool version2) {
  in.read_struct([&](int64_t id, Type type) {
    if (id == 1)
      p.values = in.integer(type);
    else if (id == (version2 ? 4 : 2))
      p.encoding = in.integer(type);
    else if (!version2 && p.kind == ParquetPage::Kind::kData && (id == 3 || id == 4)) {
      int64_t encoding = in.integer(type);
      if (encoding != int64_t(ParquetEncoding::kRle)) p.level_encoding = encoding;
    } else if (version2 && id == 5)
      p.definition_bytes = in.integer(type);
    else if (version2 && id == 6)
      p.repetition_bytes = in.integer(type);
    else if (version2 && id == 7)
      p.compressed = in.boolean(type);
    else
      return false;
    return true;
  });
}

void check_page(const ParquetPage& p, int64_t available, const std::string& origin) {
  check_data(p.compressed_bytes >= 0 && p.compressed_bytes <= available,
             "{}: a page of {} bytes where {} are left of its column", origin, p.compressed_bytes,
             available);
  check_data(p.uncompressed_bytes >= 0 && p.uncompressed_bytes <= kMaxPageBytes && p.values >= 0 &&
                 p.values <= kMaxPageValues,
             "{}: a page of {} values and {} bytes; pages of up to {} values and {} bytes are read",
             origin, p.values, p.uncompressed_bytes, kMaxPageValues, kMaxPageBytes);
  check_data(p.definition_bytes >= 0 && p.repetition_bytes >= 0 &&
                 p.definition_bytes + p.repetition_bytes <=
                     std::min(p.compressed_bytes, p.uncompressed_bytes),
             "{}: a page with more levels than bytes", origin);
}

}  // namespace

ParquetFooter parse_parquet_footer(std::span<const std::byte> file, const std::string& origin) {
  constexpr size_t kTail = 8;  // the footer's length and the magic
  check_data(file.size() >= kTail + kMagic.size(), "{}: {} bytes are too few for a Parquet file",
             origin, file.size());
  ByteReader tail(file.last(kTail), origin);
  uint64_t size = tail.number<uint32_t>("the footer");
  std::string_view magic = tail.text(4, "the magic");
  if (magic == kEncryptedMagic)
    fail(ErrorKind::kUnsupported, "{}: an encrypted Parquet file", origin);
  check_data(magic == kMagic, "{}: not a Parquet file, or cut off (no PAR1 at its end)", origin);
  check_data(size <= file.size() - kTail - kMagic.size(),
             "{}: a footer of {} bytes in a file of {}", origin, size, file.size());
  auto footer = file.subspan(file.size() - kTail - size, size);
  return FooterReader(footer, int64_t(file.size() - kTail - size), origin).read();
}

ParquetPage parse_parquet_page(std::span<const std::byte> chunk, const std::string& origin) {
  constexpr int64_t kData = 5, kDictionary = 7, kDataV2 = 8;
  ThriftReader in(chunk, origin);
  ParquetPage p{};
  in.read_struct([&](int64_t id, Type type) {
    if (id == 1) {
      int64_t kind = in.integer(type);
      check_data(kind >= 0 && kind <= 3, "{}: a page of the unknown kind {}", origin, kind);
      p.kind = ParquetPage::Kind(kind);
    } else if (id == 2) {
      p.uncompressed_bytes = in.integer(type);
    } else if (id == 3) {
      p.compressed_bytes = in.integer(type);
    } else if (type == Type::kStruct && (id == kData || id == kDictionary || id == kDataV2)) {
      read_page_details(in, p, id == kDataV2);
    } else {
      return false;
    }
    return true;
  });
  p.header_bytes = int64_t(in.position());
  check_page(p, int64_t(chunk.size()) - p.header_bytes, origin);
  return p;
}

}  // namespace slm
