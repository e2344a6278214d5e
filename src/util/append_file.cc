#include "util/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "util/error.h"

namespace slm {

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(ErrorKind::kIo, "{}: cannot open: {}", path_.string(), std::strerror(errno));
  size_ = ::lseek(fd_, 0, SEEK_END);
}

AppendFile::~AppendFile() { ::close(fd_); }

bool AppendFile::append(std::string_view record) {
  ssize_t n;
  do n = ::write(fd_, record.data(), record.size());
  while (n < 0 && errno == EINTR);
  if (n == ssize_t(record.size())) {
    size_ += n;
    return true;
  }
  error_ = n < 0 ? errno : ENOSPC;
  ++lost_;
  if (n > 0 && ::ftruncate(fd_, size_) != 0) error_ = errno;  // half of it would spoil the next
  return false;
}

std::string AppendFile::take_problem() {
  int64_t lost = std::exchange(lost_, 0);
  if (lost == 0) return {};
  return format("{}: cannot write: {}; left out {} record{}", path_.string(), std::strerror(error_),
                lost, lost > 1 ? "s" : "");
}

}  // namespace slm
