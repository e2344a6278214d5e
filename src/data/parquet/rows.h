// The rows of a Parquet file as JSON objects, one after the other: what data sets on a Hub are
// published in. Flat columns, lists and structs in any nesting, nulls; see values.h and codecs.h
// for what is read of the format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/parquet/schema.h"
#include "util/mapped_file.h"

namespace slm {

// Dates, times and timestamps come out as the integers they are stored as, decimals and floats as
// numbers (null where JSON has none), bytes that are not text with U+FFFD for what is not UTF-8.
class ParquetRows {
 public:
  // Only the named columns are read, in the order of the file; empty: all. Error for a name that
  // the file does not have.
  explicit ParquetRows(const std::filesystem::path& path,
                       std::span<const std::string> columns = {});
  ParquetRows(std::span<const std::byte> file, std::string name,
              std::span<const std::string> columns = {});  // the bytes must outlive it

  bool next(std::string& json);  // false at the end
  int64_t rows() const { return footer_.rows; }
  int64_t row() const { return row_; }  // of the last one, from 1
  // Bytes of the file behind what was read, estimated from whole row groups.
  int64_t consumed() const;

 private:
  ParquetRows(std::shared_ptr<const MappedFile> mapped, std::span<const std::string> columns);

  bool open_group();
  void write(const ParquetNode& node, std::string& out);
  void write_list(const ParquetNode& node, std::string& out);
  void write_leaf(const ParquetNode& node, std::string& out);
  void write_fields(std::span<const ParquetNode> fields, std::string& out);
  void pass_over(const ParquetNode& node);
  ParquetColumn& column(const ParquetNode& node) { return *columns_[node.column]; }

  std::shared_ptr<const MappedFile> mapped_;
  std::span<const std::byte> file_;
  std::string name_;
  ParquetFooter footer_;
  ParquetSchema schema_;
  std::vector<std::unique_ptr<ParquetColumn>> columns_;  // of the open group; null: not read
  size_t group_ = 0;                                     // the next one
  int64_t left_ = 0;                                     // rows of the open group
  int64_t row_ = 0;
};

}  // namespace slm
