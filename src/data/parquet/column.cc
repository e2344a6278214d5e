#include "data/parquet/column.h"

#include <bit>
#include <utility>

#include "data/parquet/codecs.h"
#include "util/error.h"

namespace slm {
namespace {

int level_bits(int highest) { return std::bit_width(unsigned(highest)); }

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

ParquetColumn::ParquetColumn(std::span<const std::byte> file, const ParquetChunk& chunk,
                             const ParquetLeaf& leaf, const std::string& file_name)
    : rest_(file.subspan(size_t(chunk.begin), size_t(chunk.bytes))),
      leaf_(&leaf),
      codec_(chunk.codec),
      left_(chunk.values),
      origin_(format("{}: column {}", file_name, leaf.name)) {
  check_data(chunk.type == leaf.type.type, "{}: type {} in one place and {} in another", origin_,
             int(chunk.type), int(leaf.type.type));
  advance();
}

const ParquetValue& ParquetColumn::value() const {
  check_data(!ended_ && definition_ == leaf_->definition, "{}: a value is missing", origin_);
  return value_;
}

void ParquetColumn::advance() {
  check_data(!ended_, "{}: fewer values than rows", origin_);
  if (left_ == 0) {
    ended_ = true;
    return;
  }
  while (page_left_ == 0) next_page();
  --page_left_, --left_;
  repetition_ = leaf_->repetition ? int(repetitions_->next()) : 0;
  definition_ = leaf_->definition ? int(definitions_->next()) : 0;
  check_data(repetition_ <= leaf_->repetition && definition_ <= leaf_->definition,
             "{}: levels {} and {}, at most {} and {}", origin_, repetition_, definition_,
             leaf_->repetition, leaf_->definition);
  if (definition_ == leaf_->definition) value_ = values_();
}

void ParquetColumn::next_page() {
  check_data(!rest_.empty(), "{}: ends {} values early", origin_, left_);
  ParquetPage page = parse_parquet_page(rest_, origin_);
  auto bytes = rest_.subspan(size_t(page.header_bytes), size_t(page.compressed_bytes));
  rest_ = rest_.subspan(size_t(page.header_bytes + page.compressed_bytes));
  switch (page.kind) {
    case ParquetPage::Kind::kDictionary:
      return read_dictionary(page, bytes);
    case ParquetPage::Kind::kData:
      return read_data(page, bytes);
    case ParquetPage::Kind::kDataV2:
      return read_data_v2(page, bytes);
    case ParquetPage::Kind::kIndex:
      return;  // nothing that reading needs
  }
}

void ParquetColumn::read_dictionary(const ParquetPage& page, std::span<const std::byte> bytes) {
  check_data(!dictionary_, "{}: two dictionaries", origin_);
  dictionary_bytes_ = decompress_page(codec_, bytes, page.uncompressed_bytes, origin_);
  ParquetValues values = decode_values(int64_t(ParquetEncoding::kPlain), leaf_->type,
                                       bytes_of(dictionary_bytes_), nullptr, origin_);
  auto words = std::make_shared<std::vector<ParquetValue>>();
  for (int64_t i = 0; i < page.values; ++i) words->push_back(values());
  dictionary_ = std::move(words);
}

void ParquetColumn::set_levels(std::span<const std::byte> repetition,
                               std::span<const std::byte> definition) {
  repetitions_.emplace(repetition, level_bits(leaf_->repetition), origin_);
  definitions_.emplace(definition, level_bits(leaf_->definition), origin_);
}

// Version 1: everything compressed together, each kind of level behind its length.
void ParquetColumn::read_data(const ParquetPage& page, std::span<const std::byte> bytes) {
  if (page.level_encoding != int64_t(ParquetEncoding::kRle))
    fail(ErrorKind::kUnsupported, "{}: levels in encoding {}", origin_, page.level_encoding);
  page_bytes_ = decompress_page(codec_, bytes, page.uncompressed_bytes, origin_);
  ByteReader in(bytes_of(page_bytes_), origin_);
  auto levels = [&](int highest) {
    if (highest == 0) return std::span<const std::byte>();
    return in.take(in.number<uint32_t>("the levels"), "the levels");
  };
  auto repetition = levels(leaf_->repetition), definition = levels(leaf_->definition);
  set_levels(repetition, definition);
  values_ = decode_values(page.encoding, leaf_->type, in.take(in.remaining(), "the values"),
                          dictionary_, origin_);
  page_left_ = page.values;
}

// Version 2: levels uncompressed and first.
void ParquetColumn::read_data_v2(const ParquetPage& page, std::span<const std::byte> bytes) {
  ByteReader in(bytes, origin_);
  auto repetition = in.take(size_t(page.repetition_bytes), "the levels");
  auto definition = in.take(size_t(page.definition_bytes), "the levels");
  set_levels(repetition, definition);
  auto rest = in.take(in.remaining(), "the values");
  int64_t size = page.uncompressed_bytes - page.repetition_bytes - page.definition_bytes;
  constexpr int64_t kNone = 0;
  page_bytes_ = decompress_page(page.compressed ? codec_ : kNone, rest, size, origin_);
  values_ = decode_values(page.encoding, leaf_->type, bytes_of(page_bytes_), dictionary_, origin_);
  page_left_ = page.values;
}

}  // namespace slm
