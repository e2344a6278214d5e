#include "hub/fetch_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "hub/explain.h"
#include "hub/repository.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/file_lock.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

// The digest that `etag` is, ready for the contents; null when it is a hash of another kind.
std::unique_ptr<Digest> digest_for(const HubFile& file) {
  if (file.etag.size() == 64) return std::make_unique<Digest>(DigestKind::kSha256);
  if (!is_commit(file.etag)) return nullptr;  // 40 digits: the hash of git's blob
  auto digest = std::make_unique<Digest>(DigestKind::kSha1);
  digest->update(format("blob {}", file.size) + '\0');
  return digest;
}

// A file that grows at its end, with the digest of all it holds.
class GrowingFile {
 public:
  GrowingFile(const fs::path& path, const HubFile& file) : path_(path), file_(file) {
    std::error_code made;  // the open below says what is wrong
    fs::create_directories(path.parent_path(), made);
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd_ < 0) fail_errno("create");
  }
  ~GrowingFile() { ::close(fd_); }
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  int64_t size() const { return size_; }

  // Takes what is there already, when it can be the beginning.
  void adopt() {
    digest_ = digest_for(file_);
    struct stat info;
    if (::fstat(fd_, &info) != 0) fail_errno("stat");
    if (!S_ISREG(info.st_mode)) fail(ErrorKind::kIo, "{}: not a regular file", path_.string());
    if (info.st_size > file_.size) return clear();
    std::vector<char> buffer(1 << 20);
    while (size_ < info.st_size) {
      ssize_t n = ::read(fd_, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_errno("read");
      if (n == 0) break;
      take({buffer.data(), size_t(n)});
    }
  }

  void clear() {
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) fail_errno("empty");
    digest_ = digest_for(file_);
    size_ = 0;
  }

  void append(std::string_view piece) {
    for (std::string_view rest = piece; !rest.empty();) {
      ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_errno("write");
      take(rest.substr(0, size_t(n)));
      rest.remove_prefix(size_t(n));
    }
  }

  // Empty: the contents are what was announced. Else what is wrong with them. Ends the digest.
  std::string difference() {
    if (size_ != file_.size) return format("{} bytes, expected {}", size_, file_.size);
    if (!digest_) return {};
    std::string found = digest_->hex();
    return found == file_.etag ? "" : format("hash {}, expected {}", found, file_.etag);
  }

  void sync() {
    if (::fsync(fd_) != 0) fail_errno("flush");
  }

 private:
  void take(std::string_view piece) {
    if (digest_) digest_->update(piece);
    size_ += int64_t(piece.size());
  }

  [[noreturn]] void fail_errno(std::string_view action) {
    int code = errno;
    bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
    fail(ErrorKind::kIo, "{}: cannot {}: {}{}", path_.string(), action, std::strerror(code),
         full ? "; make room and run the same command again: it goes on from here" : "");
  }

  fs::path path_;
  const HubFile& file_;
  int fd_;
  int64_t size_ = 0;
  std::unique_ptr<Digest> digest_;
};

// First byte of "bytes 100-199/200"; -1: not of that form.
int64_t range_start(const std::string& text) {
  constexpr std::string_view kUnit = "bytes ";
  int64_t start = -1;
  if (text.starts_with(kUnit))
    std::from_chars(text.data() + kUnit.size(), text.data() + text.size(), start);
  return start;
}

class Fetch {
 public:
  Fetch(HttpClient& client, const std::string& url, const HubFile& file, const fs::path& partial,
        const FetchWatch& watch)
      : client_(client), url_(url), file_(file), watch_(watch), growing_(partial, file) {}

  HttpResponse run() {
    growing_.adopt();
    count();
    if (growing_.size() == file_.size) return {.status = 200};
    HttpRequest request{.url = url_};
    request.sink = [this](const HttpResponse& head, std::string_view piece) { take(head, piece); };
    request.position = [this] {
      begun_ = false;
      return at_ = growing_.size();
    };
    request.stop = &watch_.stop;
    return client_.send(request);
  }

  void start_over() {
    growing_.clear();
    count();
  }

  GrowingFile& file() { return growing_; }

 private:
  void take(const HttpResponse& head, std::string_view piece) {
    if (watch_.stop) fail(ErrorKind::kIo, "{}: stopped", file_.path);
    if (!begun_) begin(head);
    check_data(int64_t(piece.size()) <= file_.size - growing_.size(),
               "{}: the server sends more than the {} bytes it announced", file_.path, file_.size);
    growing_.append(piece);
    count();
  }

  // A server may send the whole file although a part was asked for.
  void begin(const HttpResponse& head) {
    begun_ = true;
    if (head.status == 206) {
      int64_t start = range_start(head.header("content-range"));
      check_data(start == at_, "{}: asked for the bytes from {}, the server sends \"{}\"",
                 file_.path, at_, head.header("content-range"));
    } else if (at_ > 0) {
      start_over();
    }
  }

  void count() { watch_.done += growing_.size() - std::exchange(counted_, growing_.size()); }

  HttpClient& client_;
  const std::string& url_;
  const HubFile& file_;
  const FetchWatch& watch_;
  GrowingFile growing_;
  int64_t at_ = 0, counted_ = 0;
  bool begun_ = false;  // bytes of the current attempt have come
};

}  // namespace

void fetch_file(HttpClient& client, const std::string& url, const HubFile& file,
                const Destination& destination, const FetchWatch& watch) {
  FetchPlaces places = destination.places(file);
  bool told = false;
  FileLock lock(places.lock, [&] {
    if (watch.stop) fail(ErrorKind::kIo, "{}: stopped", file.path);
    if (!std::exchange(told, true))
      watch.notice(format("{}: another process downloads it; waiting", file.path));
  });
  if (destination.has(file)) {
    watch.done += file.size;
    return destination.finish(file);
  }
  Fetch fetch(client, url, file, places.partial, watch);
  for (int round = 1;; ++round) {
    HttpResponse response = fetch.run();
    constexpr long kPastTheEnd = 416;
    if (response.status != kPastTheEnd) check_success(response, file.path, client.settings());
    std::string wrong = fetch.file().difference();
    if (wrong.empty()) break;
    fetch.start_over();
    if (round == 2) {
      fs::remove(places.partial);
      fail(ErrorKind::kCorrupt,
           "{}: what arrived, twice, is not what the hub announced: {}; something on the way "
           "changes it (a proxy?)",
           file.path, wrong);
    }
    watch.notice(format("{}: {}; fetching it once more", file.path, wrong));
  }
  fetch.file().sync();
  fs::create_directories(places.final.parent_path());
  fs::rename(places.partial, places.final);
  sync_directory(places.final.parent_path());
  destination.finish(file);
}

}  // namespace slm
