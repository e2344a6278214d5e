#include "util/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "util/error.h"

namespace slm {
namespace {

[[noreturn]] void fail_errno(const std::filesystem::path& path, std::string_view action) {
  int code = errno;
  fail(code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, "{}: cannot {}: {}", path.string(),
       action, std::strerror(code));
}

std::span<const std::byte> map(int fd, const std::filesystem::path& path) {
  struct stat info;
  if (::fstat(fd, &info) != 0) fail_errno(path, "stat");
  if (!S_ISREG(info.st_mode)) fail(ErrorKind::kInvalid, "{}: not a regular file", path.string());
  if (info.st_size == 0) return {};
  size_t size = size_t(info.st_size);
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) fail_errno(path, "map into memory");
  return {static_cast<const std::byte*>(at), size};
}

}  // namespace

MappedFile::MappedFile(std::filesystem::path path, std::span<const std::byte> bytes)
    : path_(std::move(path)), bytes_(bytes) {}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::release_pages() const {
  if (!bytes_.empty())
    ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

void MappedFile::release_pages(std::span<const std::byte> part) const {
  auto page = size_t(::sysconf(_SC_PAGESIZE));
  size_t before = -reinterpret_cast<uintptr_t>(part.data()) & (page - 1);
  if (part.size() < before + page) return;
  auto* first = const_cast<std::byte*>(part.data()) + before;
  ::madvise(first, (part.size() - before) / page * page, MADV_DONTNEED);
}

std::shared_ptr<const MappedFile> MappedFile::open(std::filesystem::path path) {
  // Without O_NONBLOCK, opening a FIFO would wait for a writer.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail_errno(path, "open");
  std::span<const std::byte> bytes;
  try {
    bytes = map(fd, path);
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
  return std::shared_ptr<const MappedFile>(new MappedFile(std::move(path), bytes));
}

}  // namespace slm
