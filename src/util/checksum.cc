#include "util/checksum.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "util/error.h"

namespace slm {

struct Checksum::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Checksum::Checksum() : state_(std::make_unique<State>()) {
  if (!state_->xxh || XXH3_128bits_reset(state_->xxh) != XXH_OK)
    fail(ErrorKind::kNoMemory, "no memory for a checksum");
}

Checksum::~Checksum() = default;
Checksum::Checksum(Checksum&&) noexcept = default;
Checksum& Checksum::operator=(Checksum&&) noexcept = default;

void Checksum::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

std::string Checksum::hex() const {
  XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh);
  return format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string checksum_of(std::string_view bytes) {
  Checksum sum;
  sum.update(std::as_bytes(std::span(bytes)));
  return sum.hex();
}

namespace {

struct Reader {
  explicit Reader(const std::filesystem::path& p)
      : path(p), fd(::open(p.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd < 0) refuse("open");
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~Reader() { ::close(fd); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  [[noreturn]] void refuse(std::string_view action) const {
    fail(errno == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, "{}: cannot {}: {}",
         path.string(), action, std::strerror(errno));
  }
  // Fewer bytes than there is room for only at the end of the file: none.
  std::span<const std::byte> next(std::span<std::byte> room) const {
    ssize_t n;
    do n = ::read(fd, room.data(), room.size());
    while (n < 0 && errno == EINTR);
    if (n < 0) refuse("read");
    return room.first(size_t(n));
  }

  std::filesystem::path path;
  int fd;
};

}  // namespace

FileChecksums checksum_file(const std::filesystem::path& path, std::span<const ByteRange> ranges,
                            const std::function<void(int64_t)>& read) {
  Reader reader(path);
  std::vector<std::byte> room(1 << 20);
  FileChecksums out;
  Checksum whole;
  std::vector<Checksum> parts(ranges.size());
  size_t current = 0;  // the first range that does not end before `out.bytes`
  for (auto piece = reader.next(room); !piece.empty(); piece = reader.next(room)) {
    int64_t begin = out.bytes, end = begin + int64_t(piece.size());
    whole.update(piece);
    for (size_t i = current; i < ranges.size() && ranges[i].begin < end; ++i) {
      int64_t from = std::max(begin, ranges[i].begin), to = std::min(end, ranges[i].end);
      if (from < to) parts[i].update(piece.subspan(size_t(from - begin), size_t(to - from)));
      if (ranges[i].end <= end) current = i + 1;
    }
    out.bytes = end;
    read(int64_t(piece.size()));
  }
  out.whole = whole.hex();
  for (const Checksum& part : parts) out.ranges.push_back(part.hex());
  return out;
}

}  // namespace slm
