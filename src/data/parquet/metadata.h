// What the footer and the page headers of a Parquet file say, as far as reading rows needs it.
// Format: Apache Parquet, parquet.thrift; numbers of enums are the file's own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace slm {

enum class ParquetType : uint8_t {
  kBoolean,
  kInt32,
  kInt64,
  kInt96,
  kFloat,
  kDouble,
  kBytes,
  kFixedBytes,
};
enum class ParquetRepetition : uint8_t { kRequired, kOptional, kRepeated };

enum class ParquetEncoding : uint8_t {
  kPlain = 0,
  kPlainDictionary = 2,
  kRle = 3,
  kDeltaBinaryPacked = 5,
  kDeltaLengthBytes = 6,
  kDeltaBytes = 7,
  kRleDictionary = 8,
  kByteStreamSplit = 9,
};

// How a leaf's values are to be understood.
enum class ParquetMeaning : uint8_t { kPlain, kText, kUnsigned, kDecimal };

// One element of the schema, which lists its tree in depth-first order.
struct ParquetElement {
  std::string name;
  std::optional<ParquetType> type;  // of a leaf
  int64_t type_length = 0, children = 0, scale = 0;
  ParquetRepetition repetition = ParquetRepetition::kRequired;
  ParquetMeaning meaning = ParquetMeaning::kPlain;
  bool list = false;  // annotated as a list or map
};

// The values of one leaf in one row group.
struct ParquetChunk {
  ParquetType type;
  int64_t codec = 0, values = 0, begin = 0, bytes = 0;
};
struct ParquetGroup {
  int64_t rows = 0;
  std::vector<ParquetChunk> chunks;  // one per leaf, in the order of the schema
};
struct ParquetFooter {
  std::vector<ParquetElement> schema;
  std::vector<ParquetGroup> groups;
  int64_t rows = 0;
};

// Sizes are checked against the file: no chunk lies outside it.
ParquetFooter parse_parquet_footer(std::span<const std::byte> file, const std::string& origin);

struct ParquetPage {
  enum class Kind : uint8_t { kData = 0, kIndex = 1, kDictionary = 2, kDataV2 = 3 };
  Kind kind;
  int64_t header_bytes, compressed_bytes, uncompressed_bytes;
  int64_t values = 0;
  int64_t encoding = -1, level_encoding = int64_t(ParquetEncoding::kRle);
  int64_t definition_bytes = 0, repetition_bytes = 0;  // of the levels, in a page of version 2
  bool compressed = true;
};

// The header at the start of `chunk`; the page's bytes follow it within the chunk.
ParquetPage parse_parquet_page(std::span<const std::byte> chunk, const std::string& origin);

}  // namespace slm
