// The records of many files as a stream of batches that can be taken up again in the middle.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/record_reader.h"

namespace slm {

// Behind the first `records` records of file number `file`.
struct InputPosition {
  int64_t file = 0, records = 0;
};

struct InputBatch {
  std::string file;
  std::vector<Record> records;
  InputPosition end;    // behind this batch
  int64_t input_bytes;  // read so far in all, as they lie in the files
};

class InputBatches {
 public:
  // Of Parquet files only `columns` are read; empty: all. Files before `begin` are not opened.
  InputBatches(std::vector<std::filesystem::path> files, TextUnit unit,
               std::vector<std::string> columns, InputPosition begin = {});

  bool next(InputBatch& batch);  // never of two files, never empty

 private:
  void open();

  std::vector<std::filesystem::path> files_;
  TextUnit unit_;
  std::vector<std::string> columns_;
  InputPosition at_;
  std::optional<RecordReader> reader_;
  int64_t finished_bytes_ = 0;
};

}  // namespace slm
