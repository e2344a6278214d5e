#include "hub/destination.h"

#include <chrono>
#include <sstream>
#include <utility>

#include "hub/cache.h"
#include "util/error.h"
#include "util/file_lock.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

bool has_size(const fs::path& path, int64_t size) {
  std::error_code absent;
  return fs::is_regular_file(path, absent) && int64_t(fs::file_size(path, absent)) == size;
}

class CacheDestination final : public Destination {
 public:
  CacheDestination(const fs::path& cache, const HubRepository& repository, std::string commit)
      : cache_(cache, repository.id), revision_(repository.revision), commit_(std::move(commit)) {}

  fs::path folder() const override { return cache_.snapshot(commit_); }
  FetchPlaces places(const HubFile& file) const override {
    return {cache_.blob(file.etag), cache_.partial(file.etag), cache_.lock(file.etag)};
  }
  bool has(const HubFile& file) const override {
    return has_size(cache_.blob(file.etag), file.size);
  }
  void finish(const HubFile& file) const override { cache_.link(commit_, file.path, file.etag); }
  // Last, so that the revision goes on meaning the former, whole snapshot until then.
  void finish_all() const override {
    FileLock lock(cache_.lock("refs"), [] {});  // another pull may be at the same point
    cache_.set_commit(revision_, commit_);
  }

 private:
  HubCache cache_;
  std::string revision_, commit_;
};

class FolderDestination final : public Destination {
 public:
  FolderDestination(fs::path dir, std::string commit)
      : dir_(std::move(dir)), commit_(std::move(commit)) {}

  fs::path folder() const override { return dir_; }
  FetchPlaces places(const HubFile& file) const override {
    return {dir_ / file.path, note(file, format(".{}.incomplete", file.etag)), note(file, ".lock")};
  }
  bool has(const HubFile& file) const override {
    if (!has_size(dir_ / file.path, file.size)) return false;
    fs::path path = note(file, ".metadata");
    std::error_code absent;
    if (!fs::is_regular_file(path, absent)) return false;
    std::istringstream lines(read_file(path, 4096));
    std::string commit, etag;
    double time = 0;
    return (lines >> commit >> etag >> time) && etag == file.etag &&
           seconds_of(fs::last_write_time(dir_ / file.path)) <= time + 1;
  }
  void finish(const HubFile& file) const override {
    double now = seconds_of(fs::last_write_time(dir_ / file.path));
    write_file_atomically(note(file, ".metadata"),
                          format("{}\n{}\n{:.6f}\n", commit_, file.etag, now));
  }
  void finish_all() const override {}

 private:
  fs::path note(const HubFile& file, const std::string& ending) const {
    return dir_ / ".cache" / "huggingface" / "download" / (file.path + ending);
  }
  static double seconds_of(fs::file_time_type time) {
    auto on_system_clock = std::chrono::file_clock::to_sys(time).time_since_epoch();
    return std::chrono::duration<double>(on_system_clock).count();
  }

  fs::path dir_;
  std::string commit_;
};

}  // namespace

std::unique_ptr<Destination> cache_destination(const fs::path& cache,
                                               const HubRepository& repository,
                                               const std::string& commit) {
  return std::make_unique<CacheDestination>(cache, repository, commit);
}

std::unique_ptr<Destination> folder_destination(const fs::path& dir, const std::string& commit) {
  return std::make_unique<FolderDestination>(dir, commit);
}

}  // namespace slm
