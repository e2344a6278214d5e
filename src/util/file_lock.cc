#include "util/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "util/error.h"

namespace slm {

FileLock::FileLock(const std::filesystem::path& path, const std::function<void()>& waiting) {
  std::error_code made;  // the open below says what is wrong
  std::filesystem::create_directories(path.parent_path(), made);
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0)
    fail(ErrorKind::kIo, "{}: cannot open the lock file: {}", path.string(), std::strerror(errno));
  try {
    while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR)
        fail(ErrorKind::kIo, "{}: cannot lock: {}", path.string(), std::strerror(errno));
      waiting();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace slm
