// A file that at most one process holds at a time.
#pragma once

#include <filesystem>
#include <functional>

namespace slm {

// Held while it lives; the system lets go of it when the process ends in any way. Works with the
// locks (flock) of the huggingface_hub package.
class FileLock {
 public:
  // Waits for whoever has it; `waiting` is called about every tenth of a second meanwhile and may
  // throw.
  FileLock(const std::filesystem::path& path, const std::function<void()>& waiting);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

}  // namespace slm
