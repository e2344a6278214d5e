// Event files for TensorBoard: scalars against steps. A file is a sequence of TFRecords, each an
// Event message of TensorFlow's event.proto; of both, only what a scalar needs is here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "util/append_file.h"

namespace slm {

// CRC-32C (Castagnoli), as in RFC 3720.
uint32_t crc32c(std::string_view bytes);

struct Scalar {
  std::string_view tag;
  double value;
};

// A file of its own for each process of a run, as TensorBoard expects; it reads all of a directory.
class EventFile {
 public:
  // `directory` is made if missing. What earlier files say of steps after `resumed_step` is void.
  EventFile(const std::filesystem::path& directory, int64_t resumed_step);

  // Handed to the operating system at once; left out while the disk is full.
  void write(int64_t step, std::span<const Scalar> scalars);
  const std::filesystem::path& path() const { return path_; }

 private:
  void append(std::string_view event);

  std::filesystem::path path_;
  std::optional<AppendFile> file_;
};

}  // namespace slm
