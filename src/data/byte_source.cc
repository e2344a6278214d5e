#include "data/byte_source.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "util/error.h"

namespace slm {
namespace {

constexpr size_t kChunk = size_t{1} << 17;

// The file itself, with a buffer that can be looked into before it is taken.
class RawFile {
 public:
  RawFile(const std::filesystem::path& path, std::shared_ptr<int64_t> consumed)
      : name_(path.string()), consumed_(std::move(consumed)), buffer_(kChunk) {
    if (std::filesystem::is_directory(path))
      fail(ErrorKind::kInvalid, "{}: a directory, expected a file", name_);
    file_.reset(std::fopen(path.c_str(), "rbe"));
    if (!file_) {
      int code = errno;
      fail(code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, "{}: cannot open: {}", name_,
           std::strerror(code));
    }
  }

  const std::string& name() const { return name_; }

  // What is buffered, after refilling when it was all taken; empty at the end of the file.
  std::span<char> available() {
    if (at_ == end_) {
      at_ = 0;
      end_ = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
      if (std::ferror(file_.get())) fail(ErrorKind::kIo, "{}: cannot read", name_);
      *consumed_ += int64_t(end_);
    }
    return std::span(buffer_).subspan(at_, end_ - at_);
  }
  void take(size_t count) { at_ += count; }

  bool starts_with(std::string_view magic) {
    auto head = available();
    return std::string_view(head.data(), head.size()).starts_with(magic);
  }

 private:
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::string name_;
  std::shared_ptr<int64_t> consumed_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<char> buffer_;
  size_t at_ = 0, end_ = 0;
};

size_t read_plain(RawFile& file, std::span<char> out) {
  size_t done = 0;
  while (done < out.size()) {
    auto in = file.available();
    if (in.empty()) break;
    size_t n = std::min(in.size(), out.size() - done);
    std::memcpy(out.data() + done, in.data(), n);
    file.take(n), done += n;
  }
  return done;
}

class GzipReader {
 public:
  explicit GzipReader(std::shared_ptr<RawFile> file) : file_(std::move(file)) {
    check(inflateInit2(&stream_, 15 + 16) == Z_OK, "{}: cannot start decompression", file_->name());
  }
  ~GzipReader() { inflateEnd(&stream_); }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  size_t read(std::span<char> out) {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = uInt(out.size());
    while (stream_.avail_out > 0) {
      auto in = file_->available();
      if (in.empty()) break;
      if (between_members_) inflateReset(&stream_), between_members_ = false;
      stream_.next_in = reinterpret_cast<Bytef*>(in.data());
      stream_.avail_in = uInt(in.size());
      int result = inflate(&stream_, Z_NO_FLUSH);
      file_->take(in.size() - stream_.avail_in);
      if (result == Z_STREAM_END) {  // another member may follow
        between_members_ = true;
      } else {
        check_data(result == Z_OK || result == Z_BUF_ERROR, "{}: damaged gzip data", file_->name());
      }
    }
    check_data(stream_.avail_out == 0 || between_members_, "{}: the gzip data is cut off",
               file_->name());
    return out.size() - stream_.avail_out;
  }

 private:
  std::shared_ptr<RawFile> file_;
  z_stream stream_{};
  bool between_members_ = false;
};

class ZstdReader {
 public:
  explicit ZstdReader(std::shared_ptr<RawFile> file)
      : file_(std::move(file)), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {}

  size_t read(std::span<char> out) {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      auto in = file_->available();
      ZSTD_inBuffer from{in.data(), in.size(), 0};
      size_t before = to.pos;
      size_t result = ZSTD_decompressStream(stream_.get(), &to, &from);
      check_data(!ZSTD_isError(result), "{}: damaged zstd data: {}", file_->name(),
                 ZSTD_getErrorName(result));
      file_->take(from.pos);
      if (in.empty() && to.pos == before) {
        check_data(unfinished_ == 0, "{}: the zstd data is cut off", file_->name());
        break;
      }
      unfinished_ = result;
    }
    return to.pos;
  }

 private:
  std::shared_ptr<RawFile> file_;
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream_;
  size_t unfinished_ = 0;  // the last call's hint: 0 when a frame is complete
};

}  // namespace

ByteSource::ByteSource(const std::filesystem::path& path) {
  auto file = std::make_shared<RawFile>(path, consumed_);
  if (file->starts_with("\x1f\x8b")) {
    read_ = [gzip = std::make_shared<GzipReader>(file)](std::span<char> out) {
      return gzip->read(out);
    };
  } else if (file->starts_with("\x28\xb5\x2f\xfd")) {
    read_ = [zstd = std::make_shared<ZstdReader>(file)](std::span<char> out) {
      return zstd->read(out);
    };
  } else {
    read_ = [file](std::span<char> out) { return read_plain(*file, out); };
  }
}

}  // namespace slm
