#include "data/token_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "format/byte_reader.h"
#include "util/checked.h"

namespace slm {
namespace {

constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr std::string_view kLegacyMagic("TNTIDX\0\0", 8);
constexpr size_t kBufferBytes = size_t{1} << 20;

template <class T>
T at(const std::byte* array, int64_t index) {  // the arrays are unaligned
  T value;
  std::memcpy(&value, array + index * int64_t(sizeof(T)), sizeof(T));
  return value;
}

std::filesystem::path with_suffix(std::filesystem::path prefix, std::string_view suffix) {
  return prefix += suffix;
}

std::filesystem::path bare(const std::filesystem::path& prefix) {
  bool given = prefix.extension() == ".bin" || prefix.extension() == ".idx";
  return given ? std::filesystem::path(prefix).replace_extension() : prefix;
}

TokenType type_of_code(uint8_t code, const std::string& origin) {
  check_data(
      (code >= 1 && code <= 5) || code == 8,
      "{}: element type code {}; token ids have 1 (u8), 2 (i8), 3 (i16), 4 (i32), 5 (i64) or "
      "8 (u16)",
      origin, code);
  return TokenType(code);
}

// The offset of every item is the bytes of all before it.
void check_lengths_and_offsets(TokenIndex& index, const std::string& origin) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < index.documents; ++i) {
    int32_t length = at<int32_t>(index.lengths, i);
    check_data(length >= 0, "{}: document {} has the length {}", origin, i, length);
    int64_t offset = at<int64_t>(index.offsets, i);
    check_data(offset == bytes, "{}: document {} begins at byte {}, expected {}", origin, i, offset,
               bytes);
    index.tokens += length;
    bytes = checked_add(bytes, int64_t{length} * token_bytes(index.type), origin);
  }
}

void check_document_index(const std::byte* array, int64_t count, int64_t items,
                          const std::string& origin) {
  int64_t before = 0;
  for (int64_t i = 0; i < count; ++i) {
    int64_t value = at<int64_t>(array, i);
    check_data(value >= before && value <= items && (i > 0 || value == 0),
               "{}: entry {} of the document index is {}, after {}, of {} items", origin, i, value,
               before, items);
    before = value;
  }
  check_data(before == items, "{}: the document index ends at item {} of {}", origin, before,
             items);
}

}  // namespace

namespace {

struct TypeRow {
  TokenType type;
  int bytes;
  std::string_view name;
};
constexpr TypeRow kTypes[] = {{TokenType::kU8, 1, "u8"},   {TokenType::kI8, 1, "i8"},
                              {TokenType::kI16, 2, "i16"}, {TokenType::kI32, 4, "i32"},
                              {TokenType::kI64, 8, "i64"}, {TokenType::kU16, 2, "u16"}};

const TypeRow& row_of(TokenType type) {
  for (const TypeRow& row : kTypes)
    if (row.type == type) return row;
  fail(ErrorKind::kInvalid, "[tokens] no element type has the code {}", int(type));
}

}  // namespace

int token_bytes(TokenType type) { return row_of(type).bytes; }
std::string_view token_type_name(TokenType type) { return row_of(type).name; }

TokenType token_type_for(int64_t vocab_size) {
  return vocab_size < 65500 ? TokenType::kU16 : TokenType::kI32;
}

TokenIndex parse_token_index(std::span<const std::byte> file, const std::string& origin) {
  ByteReader in(file, origin);
  std::string_view start =
      ByteReader(in).text(std::min(in.remaining(), kMagic.size()), "the magic");
  if (start.starts_with(kLegacyMagic))
    fail(ErrorKind::kUnsupported,
         "{}: a legacy TNTIDX index; prepare the data again in the mmap format", origin);
  check_data(in.text(kMagic.size(), "the magic") == kMagic, "{}: not a token index (MMIDIDX)",
             origin);
  uint64_t version = in.number<uint64_t>("the version");
  check_data(version == 1, "{}: version {} of the token index; only 1 is known", origin, version);
  TokenIndex index{type_of_code(in.number<uint8_t>("the element type"), origin), 0, 0, {}, {}};
  uint64_t items = in.number<uint64_t>("the item count");
  uint64_t entries = in.number<uint64_t>("the document count");
  // Counts are bounded by the file before anything is computed from them.
  check_data(items <= in.remaining() / 12 && entries <= in.remaining() / 8 && entries >= 1,
             "{}: {} items and {} document index entries do not fit a file of {} bytes", origin,
             items, entries, file.size());
  index.documents = int64_t(items);
  index.lengths = in.take(size_t(items) * 4, "the lengths").data();
  index.offsets = in.take(size_t(items) * 8, "the offsets").data();
  const std::byte* documents = in.take(size_t(entries) * 8, "the document index").data();
  bool modes = in.remaining() == items;  // one byte per item that multimodal tools append
  check_data(in.remaining() == 0 || modes, "{}: {} bytes are left over at the end", origin,
             in.remaining());
  check_lengths_and_offsets(index, origin);
  check_document_index(documents, int64_t(entries), index.documents, origin);
  return index;
}

TokenFile::TokenFile(const std::filesystem::path& prefix)
    : prefix_(bare(prefix)),
      idx_(MappedFile::open(with_suffix(prefix_, ".idx"))),
      bin_(MappedFile::open(with_suffix(prefix_, ".bin"))),
      index_(parse_token_index(idx_->bytes(), idx_->path().string())) {
  int64_t expected = index_.tokens * token_bytes(index_.type);
  check_data(int64_t(bin_->bytes().size()) == expected,
             "{}: {} bytes, but its index speaks of {} tokens, {} bytes", bin_->path().string(),
             bin_->bytes().size(), index_.tokens, expected);
}

int64_t TokenFile::length(int64_t document) const {
  check(document >= 0 && document < documents(), "[tokens] document {} of {}", document,
        documents());
  return at<int32_t>(index_.lengths, document);
}

namespace {

template <class T>
bool widen(const std::byte* from, std::span<int32_t> out) {
  bool fits = true;
  for (size_t i = 0; i < out.size(); ++i) {
    T value = at<T>(from, int64_t(i));
    if constexpr (std::numeric_limits<T>::is_signed) fits &= value >= 0;
    if constexpr (sizeof(T) > 4) fits &= value <= T{std::numeric_limits<int32_t>::max()};
    out[i] = int32_t(value);
  }
  return fits;
}

bool widen(TokenType type, const std::byte* from, std::span<int32_t> out) {
  switch (type) {
    case TokenType::kU8:
      return widen<uint8_t>(from, out);
    case TokenType::kI8:
      return widen<int8_t>(from, out);
    case TokenType::kI16:
      return widen<int16_t>(from, out);
    case TokenType::kU16:
      return widen<uint16_t>(from, out);
    case TokenType::kI32:
      return widen<int32_t>(from, out);
    case TokenType::kI64:
      return widen<int64_t>(from, out);
  }
  return false;
}

}  // namespace

const std::byte* TokenFile::place(int64_t document, int64_t begin, size_t count) const {
  check(begin >= 0 && int64_t(count) <= length(document) - begin,
        "[tokens] {} tokens from {} of document {}, which has {}", count, begin, document,
        length(document));
  int64_t offset = at<int64_t>(index_.offsets, document) + begin * token_bytes(index_.type);
  return bin_->bytes().data() + offset;
}

void TokenFile::read(int64_t document, int64_t begin, std::span<int32_t> out) const {
  check_data(widen(index_.type, place(document, begin, out.size()), out),
             "{}: document {} holds an id outside 0..2147483647", bin_->path().string(), document);
}

void TokenFile::read_labels(int64_t document, int64_t begin, std::span<int32_t> out) const {
  widen(index_.type, place(document, begin, out.size()), out);
}

TokenFileWriter::TokenFileWriter(std::filesystem::path prefix, TokenType type, Content content)
    : prefix_(std::move(prefix)),
      type_(type),
      content_(content),
      bin_(with_suffix(prefix_, ".bin")) {
  check(content == Content::kTokens || type == TokenType::kI32 || type == TokenType::kI64,
        "[tokens] labels need the type i32 or i64, not {}", token_type_name(type));
}

void TokenFileWriter::append(const TokenFile& file, const std::function<void(int64_t)>& copied) {
  check(file.type() == type_, "{}: ids as {}, but those before it as {}; prepare both alike",
        file.prefix().string(), token_type_name(file.type()), token_type_name(type_));
  flush();
  constexpr size_t kPiece = size_t{1} << 26;
  for (auto rest = file.bytes(); !rest.empty();) {
    auto piece = rest.first(std::min(kPiece, rest.size()));
    bin_.write(piece.data(), piece.size());
    if (copied) copied(int64_t(piece.size()));
    rest = rest.subspan(piece.size());
  }
  for (int64_t d = 0; d < file.documents(); ++d) lengths_.push_back(int32_t(file.length(d)));
  tokens_ += file.tokens();
}

void TokenFileWriter::add(std::span<const int32_t> document) {
  static_assert(std::endian::native == std::endian::little);
  int bytes = token_bytes(type_);
  bool is_signed = type_ == TokenType::kI8 || type_ == TokenType::kI16;
  int64_t limit = bytes >= 4 ? int64_t{1} << 31 : int64_t{1} << (8 * bytes - is_signed);
  check(int64_t(document.size()) < int64_t{1} << 31, "[tokens] a document of {} tokens",
        document.size());
  for (int64_t id : document) {
    bool unlabeled = content_ == Content::kLabels && id == kNoLabel;
    check((id >= 0 && id < limit) || unlabeled, "[tokens] the id {} does not fit in 0..{}", id,
          limit - 1);
    buffer_.append(reinterpret_cast<const char*>(&id), size_t(bytes));
    if (buffer_.size() >= kBufferBytes) flush();
  }
  lengths_.push_back(int32_t(document.size()));
  tokens_ += int64_t(document.size());
}

void TokenFileWriter::flush() {
  bin_.write(buffer_);
  buffer_.clear();
}

void TokenFileWriter::commit() {
  flush();
  auto idx_path = with_suffix(prefix_, ".idx");
  AtomicFile idx(idx_path);
  std::string text;
  auto put = [&](auto value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof(value));
    if (text.size() < kBufferBytes) return;
    idx.write(text);
    text.clear();
  };
  text += kMagic;
  put(uint64_t{1});
  put(uint8_t(type_));
  put(uint64_t(lengths_.size()));
  put(uint64_t(lengths_.size() + 1));
  for (int32_t n : lengths_) put(n);
  int64_t offset = 0;
  for (int32_t n : lengths_) {
    put(offset);
    offset += int64_t{n} * token_bytes(type_);
  }
  for (int64_t i = 0; i <= documents(); ++i) put(i);
  idx.write(text);
  // An old index must never stand beside new tokens.
  std::filesystem::remove(idx_path);
  bin_.commit();
  idx.commit();
}

}  // namespace slm
