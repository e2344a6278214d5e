// Checksums of files, to find damage (not attacks): XXH3-128, as fast as memory is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

// XXH3-128 (https://xxhash.com) of a stream of bytes.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(Checksum&&) noexcept;
  Checksum& operator=(Checksum&&) noexcept;

  void update(std::span<const std::byte> bytes);
  std::string hex() const;  // 32 digits, lower case; of what came so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string checksum_of(std::string_view bytes);

// Bytes [begin, end) of a file.
struct ByteRange {
  int64_t begin = 0, end = 0;
};
struct FileChecksums {
  int64_t bytes = 0;
  std::string whole;
  std::vector<std::string> ranges;  // of the part of each range that the file has
};
// In one pass over the file. `ranges` are in order and do not overlap. `read` is told how many
// bytes each piece had. Error when the file cannot be read.
FileChecksums checksum_file(
    const std::filesystem::path& path, std::span<const ByteRange> ranges,
    const std::function<void(int64_t)>& read = [](int64_t) {});

}  // namespace slm
