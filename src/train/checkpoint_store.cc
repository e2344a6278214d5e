#include "train/checkpoint_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "train/checkpoint_manifest.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step_";
constexpr std::string_view kLatest = "latest";

std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return {};
  name.remove_prefix(kPrefix.size());
  int64_t step = 0;
  auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc{} || rest != name.data() + name.size() || step < 0) return {};
  return step;
}

fs::path with_ending(fs::path path, std::string_view ending) {
  path += ending;
  return path;
}

// Both names in one step, so that at every moment both are there. False when the file system
// cannot.
bool exchange(const fs::path& a, const fs::path& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace

std::optional<int64_t> step_of_checkpoint(const fs::path& path) {
  return step_of(path.filename().string());
}

CheckpointStore::CheckpointStore(fs::path directory, CheckpointStoreOptions options)
    : directory_(std::move(directory)), options_(std::move(options)) {}

fs::path CheckpointStore::path_of(int64_t step) const {
  return directory_ / format("{}{}", kPrefix, step);
}

void CheckpointStore::save(int64_t step, const std::function<void(const fs::path&)>& write) const {
  fs::path temporary = with_ending(path_of(step), ".tmp");
  fs::create_directories(directory_);
  try {
    fs::remove_all(temporary);
    fs::create_directory(temporary);
    options_.on_stage("write");
    write(temporary);
    options_.on_stage("manifest");
    write_file_atomically(temporary / kManifestFile, print_manifest(make_manifest(temporary)));
    options_.on_stage("rename");
    put_in_place(temporary, step);
    options_.on_stage("sync");
    sync_directory(directory_);
    options_.on_stage("latest");
    set_latest(step);
  } catch (...) {
    std::error_code ignored;  // what went wrong first is what counts
    fs::remove_all(temporary, ignored);
    throw;
  }
  options_.on_stage("prune");
  fs::remove_all(temporary);  // the one that was replaced
  prune(step);
}

void CheckpointStore::put_in_place(const fs::path& temporary, int64_t step) const {
  fs::path place = path_of(step);
  if (!fs::exists(place)) {
    fs::rename(temporary, place);
  } else if (!exchange(temporary, place)) {
    fs::path replaced = with_ending(place, ".replaced.tmp");
    fs::remove_all(replaced);
    fs::rename(place, replaced);
    fs::rename(temporary, place);
    fs::remove_all(replaced);
  }
}

std::optional<int64_t> CheckpointStore::latest() const {
  constexpr int64_t kMostText = 256;
  try {
    std::string name = read_file(directory_ / kLatest, kMostText);
    name.erase(name.find_last_not_of(" \r\n") + 1);
    return step_of(name);
  } catch (const Error&) {  // one that cannot be read names nothing
    return {};
  }
}

void CheckpointStore::set_latest(int64_t step) const {
  write_file_atomically(directory_ / kLatest, path_of(step).filename().string());
}

std::vector<fs::path> CheckpointStore::candidates() const {
  std::vector<int64_t> all = steps();
  if (auto newest = latest()) std::erase_if(all, [&](int64_t s) { return s > *newest; });
  std::vector<fs::path> paths;
  for (auto step = all.rbegin(); step != all.rend(); ++step) paths.push_back(path_of(*step));
  return paths;
}

std::vector<fs::path> CheckpointStore::remove_leftovers() const {
  std::vector<fs::path> leftovers;
  if (!fs::is_directory(directory_)) return leftovers;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    std::string name = entry.path().filename().string();
    bool checkpoint = entry.is_directory() && name.starts_with(kPrefix) && name.ends_with(".tmp");
    bool file = entry.is_regular_file() && is_temporary_name(name);
    if (checkpoint || file) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) fs::remove_all(path);
  return leftovers;
}

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> found;
  if (!fs::is_directory(directory_)) return found;
  for (const auto& entry : fs::directory_iterator(directory_))
    if (auto step = step_of_checkpoint(entry.path()); step && entry.is_directory())
      found.push_back(*step);
  std::sort(found.begin(), found.end());
  return found;
}

// Renamed first, so that a crash never leaves half a checkpoint under a good name.
void CheckpointStore::prune(int64_t newest) const {
  if (options_.keep_last == 0) return;
  std::vector<int64_t> old = steps();
  auto stays = [&](int64_t s) {
    return s > newest || (options_.keep_every > 0 && s % options_.keep_every == 0);
  };
  std::erase_if(old, stays);
  for (size_t i = 0; i + size_t(options_.keep_last) < old.size(); ++i) {
    fs::path doomed = path_of(old[i]), renamed = with_ending(doomed, ".old.tmp");
    fs::remove_all(renamed);
    fs::rename(doomed, renamed);
    fs::remove_all(renamed);
  }
}

}  // namespace slm
