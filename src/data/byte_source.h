// The bytes of a file, decompressed on the way when they are gzip or Zstandard (told by their first
// bytes, not by the name).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

namespace slm {

class ByteSource {
 public:
  explicit ByteSource(const std::filesystem::path& path);

  // Fills as much as there is; less than asked means the end. A cut-off or damaged file is an
  // error.
  size_t read(std::span<char> out) { return read_(out); }
  int64_t consumed() const { return *consumed_; }  // bytes of the file itself

 private:
  std::shared_ptr<int64_t> consumed_ = std::make_shared<int64_t>(0);
  std::function<size_t(std::span<char>)> read_;
};

}  // namespace slm
