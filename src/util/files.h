// Whole files, read with a bound and written so that a crash leaves either the old file or the new
// one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace slm {

// The bytes of a regular file; refuses anything else, and files over `max_bytes`.
std::string read_file(const std::filesystem::path& path, int64_t max_bytes = int64_t{1} << 32);

// A file that appears under its name only when complete, folders and all: written beside it as
// `<name>.<process>-<number>.tmp`, flushed to the disk, then renamed over it. Several writers of
// one name do not disturb each other: the last to commit counts. Destroyed before commit(), it
// leaves nothing behind. Not thread-safe.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  int64_t size() const { return size_; }
  void flush();  // what was written is on the disk, still under the temporary name
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  int64_t size_ = 0;
};

// Whether a file is called as the unfinished ones are; killed processes leave them behind.
bool is_temporary_name(std::string_view name);

void write_file_atomically(const std::filesystem::path& path, std::string_view contents);

// What the standard library's file functions throw, in the words of the other errors: path first.
std::string describe(const std::filesystem::filesystem_error& error);

// Flushes a directory entry (a rename, a new file) to the disk.
void sync_directory(const std::filesystem::path& directory);

}  // namespace slm
