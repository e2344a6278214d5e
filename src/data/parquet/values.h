// The values of a page, one after the other, by their encoding.
// Format: Apache Parquet, Encodings.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data/parquet/metadata.h"
#include "format/byte_reader.h"

namespace slm {

// Views last until the next value is asked for, or as long as the page or the dictionary.
using ParquetValue = std::variant<int64_t, double, bool, std::string_view>;

// Each call gives the next value; error behind the last one.
using ParquetValues = std::function<ParquetValue()>;

struct ParquetColumnType {
  ParquetType type;
  int64_t length = 0;  // of kFixedBytes
};

using ParquetDictionary = std::shared_ptr<const std::vector<ParquetValue>>;

// `bytes` must outlive the values. Encodings that do not fit the type are refused, as is a
// dictionary encoding without a dictionary.
ParquetValues decode_values(int64_t encoding, const ParquetColumnType& column,
                            std::span<const std::byte> bytes, const ParquetDictionary& dictionary,
                            const std::string& origin);

// Integers by their differences: blocks of a smallest difference and packed excesses over it.
class DeltaDecoder {
 public:
  explicit DeltaDecoder(ByteReader in);

  int64_t count() const { return count_; }
  int64_t next();
  ByteReader rest() const;  // behind all `count` values, whichever were read

 private:
  void start_block();

  ByteReader in_;
  int64_t per_miniblock_ = 0, miniblocks_ = 0, count_ = 0;
  int64_t given_ = 0;
  uint64_t value_ = 0, least_ = 0;
  std::span<const std::byte> widths_, packed_;
  int64_t miniblock_ = 0, at_ = 0;  // within the block, within the miniblock
};

}  // namespace slm
