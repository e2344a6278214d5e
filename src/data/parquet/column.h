// One column of a row group, read from its first value to its last, a page in memory at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/parquet/levels.h"
#include "data/parquet/metadata.h"
#include "data/parquet/values.h"

namespace slm {

struct ParquetLeaf {
  std::string name;  // with its parents': "choices.text"
  ParquetColumnType type;
  int definition = 0, repetition = 0;  // the highest levels
};

// Stands on one entry: its levels, and its value where the definition level is the highest. The
// file and the leaf must outlive it.
class ParquetColumn {
 public:
  ParquetColumn(std::span<const std::byte> file, const ParquetChunk& chunk, const ParquetLeaf& leaf,
                const std::string& file_name);
  ParquetColumn(const ParquetColumn&) = delete;
  ParquetColumn(ParquetColumn&&) = default;

  bool at_end() const { return ended_; }
  int definition() const { return definition_; }
  int repetition() const { return ended_ ? 0 : repetition_; }
  const ParquetValue& value() const;
  void advance();

 private:
  void next_page();
  void read_dictionary(const ParquetPage& page, std::span<const std::byte> bytes);
  void read_data(const ParquetPage& page, std::span<const std::byte> bytes);
  void read_data_v2(const ParquetPage& page, std::span<const std::byte> bytes);
  void set_levels(std::span<const std::byte> repetition, std::span<const std::byte> definition);

  std::span<const std::byte> rest_;  // of the chunk
  const ParquetLeaf* leaf_;
  int64_t codec_, left_, page_left_ = 0;
  std::string origin_;
  std::string dictionary_bytes_, page_bytes_;
  ParquetDictionary dictionary_;
  std::optional<RunDecoder> repetitions_, definitions_;
  ParquetValues values_;
  bool ended_ = false;
  int definition_ = 0, repetition_ = 0;
  ParquetValue value_;
};

}  // namespace slm
