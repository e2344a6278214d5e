#include "hub/cache.h"

#include <algorithm>
#include <system_error>

#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

std::string folder_name(const std::string& id) {
  size_t slash = id.find('/');
  return "models--" + id.substr(0, slash) + "--" + id.substr(slash + 1);
}

}  // namespace

HubCache::HubCache(const fs::path& root, const std::string& repository_id)
    : folder_(root / folder_name(repository_id)),
      locks_(root / ".locks" / folder_name(repository_id)) {}

fs::path HubCache::snapshot(const std::string& commit) const {
  return folder_ / "snapshots" / commit;
}

fs::path HubCache::blob(const std::string& etag) const { return folder_ / "blobs" / etag; }

fs::path HubCache::partial(const std::string& etag) const {
  return folder_ / "blobs" / (etag + ".incomplete");
}

fs::path HubCache::lock(const std::string& etag) const { return locks_ / (etag + ".lock"); }

std::optional<std::string> HubCache::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  std::error_code absent;
  fs::path ref = folder_ / "refs" / revision;
  if (!fs::is_regular_file(ref, absent)) return std::nullopt;
  std::string commit = read_file(ref, 4096);
  commit.erase(commit.find_last_not_of(" \t\r\n") + 1);
  check_data(is_commit(commit), "{}: expected a commit of 40 hexadecimal digits, found \"{}\"",
             ref.string(), commit.substr(0, 80));
  return commit;
}

void HubCache::set_commit(const std::string& revision, const std::string& commit) const {
  if (revision != commit) write_file_atomically(folder_ / "refs" / revision, commit);
}

void HubCache::link(const std::string& commit, const std::string& path,
                    const std::string& etag) const {
  fs::path place = snapshot(commit) / path;
  fs::create_directories(place.parent_path());
  fs::path target = "../..";
  for (size_t depth = size_t(std::count(path.begin(), path.end(), '/')); depth > 0; --depth)
    target /= "..";
  target = target / "blobs" / etag;
  std::error_code absent;
  if (fs::read_symlink(place, absent) == target) return;
  fs::path fresh = place;
  fresh += ".new";
  fs::remove(fresh);
  std::error_code refused;
  fs::create_symlink(target, fresh, refused);
  if (!refused) fs::rename(fresh, place, refused);
  if (refused)
    fail(ErrorKind::kIo,
         "{}: cannot make a symbolic link: {}; on a disk without links, use --local-dir",
         place.string(), refused.message());
}

std::optional<fs::path> cached_snapshot(const fs::path& cache, const HubRepository& repository) {
  HubCache of(cache, repository.id);
  auto commit = of.commit_of(repository.revision);
  if (!commit) return std::nullopt;
  fs::path folder = of.snapshot(*commit);
  std::error_code absent;
  if (!fs::is_directory(folder, absent)) return std::nullopt;
  return folder;
}

}  // namespace slm
