// Finds and reads the rows of tasks in the files a user names.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/row_file.h"
#include "eval/task.h"

namespace slm {

std::string_view split_name(Split split);  // "train", "validation", "test", "dev"

// One thread at a time.
class RowSource {
 public:
  // Each of: a directory; a file; NAME=PATH or NAME:SPLIT=PATH, a directory or file for one task.
  // A file without a name belongs to the task that it is named for.
  explicit RowSource(std::span<const std::string> places);

  // The documents of one split in the order of the file. Errors say which file is missing, where
  // it comes from and what its rows look like, or which line is wrong.
  std::vector<Document> documents(const Task& task, Split split) const;

  // The files that hold them; empty when there are none.
  std::vector<std::filesystem::path> files(const Task& task, Split split) const;

 private:
  struct Place {
    std::string task;            // empty: any
    std::optional<Split> split;  // none: any
    std::filesystem::path path;
  };
  std::shared_ptr<const std::vector<Row>> rows(const std::filesystem::path& file,
                                               const DataSpec& spec) const;

  std::vector<Place> places_;
  // Files with the rows of many tasks are read once.
  mutable std::map<std::filesystem::path, std::shared_ptr<const std::vector<Row>>> shared_;
};

}  // namespace slm
