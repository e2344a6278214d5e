#include "util/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "util/error.h"

namespace slm {
namespace {

constexpr std::string_view kTemporary = ".tmp";

[[noreturn]] void fail_errno(const std::filesystem::path& path, std::string_view action) {
  int code = errno;
  fail(code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, "{}: cannot {}: {}", path.string(),
       action, std::strerror(code));
}

[[noreturn]] void fail_and_remove(const std::filesystem::path& temporary, std::string_view action) {
  int code = errno;
  ::unlink(temporary.c_str());
  errno = code;
  fail_errno(temporary, action);
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::string read_file(const std::filesystem::path& path, int64_t max_bytes) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) fail_errno(path, "open");
  struct stat info;
  if (::fstat(file.fd, &info) != 0) fail_errno(path, "stat");
  if (!S_ISREG(info.st_mode)) fail(ErrorKind::kInvalid, "{}: not a regular file", path.string());
  if (info.st_size > max_bytes)
    fail(ErrorKind::kInvalid, "{}: {} bytes, more than the {} allowed here", path.string(),
         info.st_size, max_bytes);
  std::string bytes(size_t(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(path, "read");
    if (n == 0) break;  // shrank while being read
    done += size_t(n);
  }
  bytes.resize(done);
  return bytes;
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  static std::atomic<int64_t> made_so_far{0};
  std::error_code made;  // the open below says what is wrong
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), made);
  do {  // a name that exists was left by a killed process of the same number
    temporary_ = path_;
    temporary_ += format(".{}-{}{}", ::getpid(), made_so_far++, kTemporary);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  } while (fd_ < 0 && errno == EEXIST);
  if (fd_ < 0) fail_errno(temporary_, "create");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    ssize_t n = ::write(fd_, at, std::min(size, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(temporary_, "write");
    at += n;
    size -= size_t(n);
    size_ += n;
  }
}

void AtomicFile::flush() {
  if (::fsync(fd_) != 0) fail_errno(temporary_, "flush");
}

void AtomicFile::commit() {
  flush();
  int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) fail_and_remove(temporary_, "close");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    fail_and_remove(temporary_, format("rename to {}", path_.filename().string()));
  sync_directory(path_.has_parent_path() ? path_.parent_path() : ".");
}

bool is_temporary_name(std::string_view name) {
  if (!name.ends_with(kTemporary)) return false;
  name.remove_suffix(kTemporary.size());
  size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  std::string_view tag = name.substr(dot + 1);
  size_t dash = tag.find('-');
  return dash != std::string_view::npos && dash > 0 && dash + 1 < tag.size() &&
         tag.find_first_not_of("0123456789-") == std::string_view::npos;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents);
  file.commit();
}

std::string describe(const std::filesystem::filesystem_error& error) {
  std::string message = error.code().message();
  if (error.path1().empty()) return message;
  if (!error.path2().empty())
    return format("{} -> {}: {}", error.path1().string(), error.path2().string(), message);
  return format("{}: {}", error.path1().string(), message);
}

void sync_directory(const std::filesystem::path& directory) {
  Descriptor dir{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (dir.fd < 0) fail_errno(directory, "open");
  if (::fsync(dir.fd) != 0 && errno != EINVAL) fail_errno(directory, "flush");
}

}  // namespace slm
