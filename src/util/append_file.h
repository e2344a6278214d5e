// A log: whole records are appended to a file and handed to the operating system at once. One that
// cannot be written (the disk is full) is left out as a whole, and the next one is tried again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace slm {

class AppendFile {
 public:
  // Error when the file cannot be opened.
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  bool append(std::string_view record);  // false: it was left out

  // What went wrong since this was last asked; empty: nothing did.
  std::string take_problem();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  int64_t size_ = 0;  // of the records that are in it
  int64_t lost_ = 0;  // records since take_problem()
  int error_ = 0;
};

}  // namespace slm
