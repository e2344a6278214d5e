// A regular file mapped read-only into memory. Shared ownership, so that a tensor that looks into
// the mapping keeps it alive. Whoever replaces a mapped file must rename a new one over it (as
// AtomicFile does): a file that shrinks in place while mapped makes reads of the lost part fatal.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace slm {

class MappedFile {
 public:
  // Refuses anything but a regular file. An empty file maps to no bytes.
  static std::shared_ptr<const MappedFile> open(std::filesystem::path path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  // Gives back the memory of what has been read so far; reading it again reads it anew. For passes
  // over files larger than memory.
  void release_pages() const;
  // Of the pages that lie whole within `part`, which is of bytes().
  void release_pages(std::span<const std::byte> part) const;
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes);

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

}  // namespace slm
