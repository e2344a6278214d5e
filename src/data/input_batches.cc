#include "data/input_batches.h"

#include <utility>

#include "util/error.h"

namespace slm {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 17;
constexpr size_t kBatchRecords = 1024;

}  // namespace

InputBatches::InputBatches(std::vector<std::filesystem::path> files, TextUnit unit,
                           std::vector<std::string> columns, InputPosition begin)
    : files_(std::move(files)), unit_(unit), columns_(std::move(columns)), at_(begin) {
  check(begin.file >= 0 && begin.file <= std::ssize(files_), "[prepare] file {} of {}", begin.file,
        files_.size());
  for (int64_t f = 0; f < begin.file; ++f)
    finished_bytes_ += int64_t(std::filesystem::file_size(files_[size_t(f)]));
}

void InputBatches::open() {
  reader_.emplace(files_[size_t(at_.file)], unit_, columns_);
  Record record;
  for (int64_t i = 0; i < at_.records; ++i)
    check(reader_->next(record), "{}: record {} is gone since it was read",
          files_[size_t(at_.file)].string(), i + 1);
}

bool InputBatches::next(InputBatch& batch) {
  while (at_.file < std::ssize(files_)) {
    if (!reader_) open();
    batch.file = files_[size_t(at_.file)].string();
    size_t bytes = 0;
    Record record;
    while (bytes < kBatchBytes && batch.records.size() < kBatchRecords && reader_->next(record)) {
      bytes += record.text.size();
      batch.records.push_back(std::move(record));
    }
    at_.records += std::ssize(batch.records);
    batch.input_bytes = finished_bytes_ + reader_->consumed();
    batch.end = at_;
    if (!batch.records.empty()) return true;
    finished_bytes_ += reader_->consumed();
    reader_.reset();
    at_ = {at_.file + 1, 0};
  }
  return false;
}

}  // namespace slm
