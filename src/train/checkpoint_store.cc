#include "train/checkpoint_store.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

#include "util/error.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step_";
constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kLatest = "latest";

std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return {};
  name.remove_prefix(kPrefix.size());
  int64_t step = 0;
  auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc{} || rest != name.data() + name.size() || step < 0) return {};
  return step;
}

uint32_t checksum(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<char> buffer(1 << 20);
  uLong crc = crc32(0, nullptr, 0);
  while (in.read(buffer.data(), std::streamsize(buffer.size())) || in.gcount() > 0)
    crc = crc32(crc, reinterpret_cast<const Bytef*>(buffer.data()), uInt(in.gcount()));
  if (!in.eof()) fail(ErrorKind::kIo, "{}: cannot read", path.string());
  return uint32_t(crc);
}

std::string manifest_of(const fs::path& directory) {
  Json files = Json::object();
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      files[entry.path().lexically_relative(directory).string()] = {
          {"bytes", entry.file_size()}, {"crc32", checksum(entry.path())}};
  return Json{{"version", 1}, {"files", files}}.dump(1);
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path directory, CheckpointStoreOptions options)
    : directory_(std::move(directory)), options_(std::move(options)) {}

fs::path CheckpointStore::path_of(int64_t step) const {
  return directory_ / format("{}{}", kPrefix, step);
}

void CheckpointStore::save(int64_t step, const std::function<void(const fs::path&)>& write) {
  fs::path place = path_of(step), temporary = place, replaced = place;
  temporary += ".tmp";
  replaced += ".replaced.tmp";
  fs::create_directories(directory_);
  fs::remove_all(temporary);
  fs::remove_all(replaced);
  fs::create_directory(temporary);
  options_.on_stage("write");
  write(temporary);
  options_.on_stage("manifest");
  write_file_atomically(temporary / kManifest, manifest_of(temporary));
  options_.on_stage("rename");
  if (fs::exists(place)) fs::rename(place, replaced);
  fs::rename(temporary, place);
  sync_directory(directory_);
  options_.on_stage("latest");
  write_file_atomically(directory_ / kLatest, place.filename().string());
  options_.on_stage("prune");
  fs::remove_all(replaced);
  prune(step);
}

std::vector<fs::path> CheckpointStore::candidates() const {
  std::vector<int64_t> all = steps();
  if (fs::is_regular_file(directory_ / kLatest)) {
    std::string name = read_file(directory_ / kLatest, 256);
    name.erase(name.find_last_not_of(" \r\n") + 1);
    if (auto latest = step_of(name)) std::erase_if(all, [&](int64_t s) { return s > *latest; });
  }
  std::vector<fs::path> paths;
  for (auto step = all.rbegin(); step != all.rend(); ++step) paths.push_back(path_of(*step));
  return paths;
}

void CheckpointStore::remove_leftovers() const {
  if (!fs::is_directory(directory_)) return;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with(kPrefix) && name.ends_with(".tmp"))
      fs::remove_all(entry.path());
  }
}

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> found;
  if (!fs::is_directory(directory_)) return found;
  for (const auto& entry : fs::directory_iterator(directory_))
    if (auto step = step_of(entry.path().filename().string()); step && entry.is_directory())
      found.push_back(*step);
  std::sort(found.begin(), found.end());
  return found;
}

// Renamed first, so that a crash never leaves half a checkpoint under a good name.
void CheckpointStore::prune(int64_t newest) const {
  if (options_.keep_last == 0) return;
  std::vector<int64_t> old = steps();
  std::erase_if(old, [&](int64_t s) { return s > newest; });
  for (size_t i = 0; i + size_t(options_.keep_last) < old.size(); ++i) {
    fs::path doomed = path_of(old[i]), renamed = doomed;
    renamed += ".old.tmp";
    fs::remove_all(renamed);
    fs::rename(doomed, renamed);
    fs::remove_all(renamed);
  }
}

void verify_checkpoint(const fs::path& checkpoint) {
  fs::path manifest = checkpoint / kManifest;
  Json root = read_json_file(manifest);
  JsonObject top(root, manifest.string());
  check_data(top.integer("version") == 1, "{}: version {}, expected 1", manifest.string(),
             top.integer("version"));
  for (const auto& [name, entry] : top.at("files").items()) {
    check_data(name.find("..") == std::string::npos && !name.starts_with('/'),
               "{}: file name \"{}\" leads outside", manifest.string(), name);
    JsonObject expected(entry, format("{}: \"{}\"", manifest.string(), name));
    fs::path file = checkpoint / name;
    check_data(fs::is_regular_file(file), "{}: missing", file.string());
    int64_t bytes = int64_t(fs::file_size(file));
    check_data(bytes == expected.integer("bytes"), "{}: {} bytes, {} were written", file.string(),
               bytes, expected.integer("bytes"));
    check_data(checksum(file) == uint32_t(expected.integer("crc32")),
               "{}: its contents changed since it was written", file.string());
  }
}

}  // namespace slm
