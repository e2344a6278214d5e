// The records of a text data set, one after the other: lines of a .jsonl file, elements of a .json
// array, rows of a .parquet file, or the text of a .txt file whole, by paragraph or by line.
// Compressed files (.gz, .zst) are read through.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/byte_source.h"
#include "data/parquet/rows.h"

namespace slm {

// What one document is in a plain text file.
enum class TextUnit { kFile, kParagraph, kLine };

struct Record {
  std::string text;  // JSON or plain text
  bool json;
  int64_t line;  // where it begins, from 1; of Parquet: the row
};

class RecordReader {
 public:
  // Refuses names that are not .parquet, or .txt, .md, .json or .jsonl with or without .gz or .zst.
  // Of a Parquet file only `columns` are read; empty: all.
  RecordReader(const std::filesystem::path& path, TextUnit unit = TextUnit::kFile,
               std::span<const std::string> columns = {});

  // Blank lines are passed over. Error for a record of more than 1 GiB.
  bool next(Record& record);
  int64_t consumed() const { return rows_ ? rows_->consumed() : source_->consumed(); }

 private:
  enum class Layout { kJsonLines, kJsonArray, kParquet, kFile, kParagraphs, kTextLines };

  bool fill();
  bool peek(char& c);
  void take_into(std::string& text, size_t count);
  bool next_line(std::string& line);
  bool next_paragraph(Record& record);
  bool next_whole(Record& record);
  bool next_element(Record& record);
  bool next_row(Record& record);
  void skip_space();

  std::string name_;
  std::optional<ParquetRows> rows_;   // of a Parquet file
  std::optional<ByteSource> source_;  // of any other
  Layout layout_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t line_ = 1;
  bool first_ = true, done_ = false;
};

// The files to read: a directory stands for the ones in it that have such names, a pattern like
// data/*.jsonl for those that match it; sorted.
std::vector<std::filesystem::path> expand_inputs(const std::vector<std::filesystem::path>& inputs);

}  // namespace slm
