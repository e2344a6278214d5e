#include "train/checkpoint_manifest.h"

#include <zlib.h>

#include <algorithm>
#include <fstream>

#include "format/safetensors_header.h"
#include "util/checksum.h"
#include "util/error.h"
#include "util/files.h"
#include "util/json.h"
#include "util/mapped_file.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostBytes = int64_t{1} << 60;
constexpr size_t kNamesShown = 5;

uint32_t crc32_of(const fs::path& path, const ReadProgress& read) {
  std::ifstream in(path, std::ios::binary);
  std::vector<char> buffer(1 << 20);
  uLong crc = ::crc32(0, nullptr, 0);
  while (in.read(buffer.data(), std::streamsize(buffer.size())) || in.gcount() > 0) {
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(buffer.data()), uInt(in.gcount()));
    read(in.gcount());
  }
  if (!in.eof()) fail(ErrorKind::kIo, "{}: cannot read", path.string());
  return uint32_t(crc);
}

std::vector<ByteRange> ranges_of(const Manifest::File& file) {
  std::vector<ByteRange> ranges;
  for (const Manifest::Tensor& t : file.tensors) ranges.push_back({t.begin, t.end});
  return ranges;
}

std::vector<Manifest::Tensor> places_of_tensors(const fs::path& path) {
  auto file = MappedFile::open(path);
  SafetensorsHeader header = parse_safetensors_header(file->bytes(), path.string());
  std::vector<Manifest::Tensor> places;
  for (const auto& t : header.tensors)
    places.push_back({t.name, header.data_start + t.begin, header.data_start + t.end, {}});
  return places;
}

Manifest::File describe_file(const fs::path& directory, const fs::path& path) {
  Manifest::File file{.name = path.lexically_relative(directory).string()};
  if (path.extension() == ".safetensors") file.tensors = places_of_tensors(path);
  FileChecksums sums = checksum_file(path, ranges_of(file));
  file.bytes = sums.bytes;
  file.checksum = sums.whole;
  for (size_t i = 0; i < file.tensors.size(); ++i) file.tensors[i].checksum = sums.ranges[i];
  return file;
}

std::string read_checksum(const JsonObject& object, std::string_view key) {
  std::string text = object.string(key);
  check_data(text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos,
             "{}: key \"{}\" is not a checksum of 32 hexadecimal digits", object.origin(), key);
  return text;
}

std::vector<Manifest::Tensor> read_tensors(const JsonObject& file, int64_t bytes) {
  std::vector<Manifest::Tensor> tensors;
  if (!file.has("tensors")) return tensors;
  check_data(file.at("tensors").is_object(), "{}: key \"tensors\" must be an object",
             file.origin());
  int64_t end = 0;
  for (const auto& [name, entry] : file.at("tensors").items()) {
    JsonObject object(entry, format("{}: \"{}\"", file.origin(), name));
    Manifest::Tensor tensor{name, object.integer("begin", end, bytes), 0, {}};
    tensor.end = end = object.integer("end", tensor.begin, bytes);
    tensor.checksum = read_checksum(object, "xxh128");
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

bool leads_outside(const fs::path& name) {
  return name.empty() || name.is_absolute() ||
         std::find(name.begin(), name.end(), "..") != name.end();
}

Manifest::File read_file_entry(const std::string& name, const JsonObject& entry, int64_t version) {
  Manifest::File file{.name = name, .bytes = entry.integer("bytes", 0, kMostBytes)};
  if (version == 1) {
    file.crc32 = uint32_t(entry.integer("crc32", 0, UINT32_MAX));
  } else {
    file.checksum = read_checksum(entry, "xxh128");
    file.tensors = read_tensors(entry, file.bytes);
  }
  return file;
}

std::string difference(int64_t found, const Manifest::File& file, bool only_header) {
  if (found != file.bytes) return format("{} bytes, {} were written", found, file.bytes);
  return format("its {} changed since it was written", only_header ? "header" : "contents");
}

std::optional<Damage> damage_of(const fs::path& path, const Manifest::File& file,
                                const ReadProgress& read) {
  if (!fs::is_regular_file(path)) return Damage{path, "missing", {}};
  if (file.crc32) {
    int64_t bytes = int64_t(fs::file_size(path));
    if (bytes == file.bytes && crc32_of(path, read) == *file.crc32) return {};
    return Damage{path, difference(bytes, file, false), {}};
  }
  FileChecksums sums = checksum_file(path, ranges_of(file), read);
  if (sums.bytes == file.bytes && sums.whole == file.checksum) return {};
  Damage damage{path, {}, {}};
  for (size_t i = 0; i < file.tensors.size(); ++i)
    if (sums.ranges[i] != file.tensors[i].checksum) damage.tensors.push_back(file.tensors[i].name);
  damage.what = difference(sums.bytes, file, damage.tensors.empty() && !file.tensors.empty());
  return damage;
}

}  // namespace

int64_t Manifest::bytes() const {
  int64_t sum = 0;
  for (const File& f : files) sum += f.bytes;
  return sum;
}

Manifest make_manifest(const fs::path& directory) {
  Manifest manifest;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file() && entry.path() != directory / kManifestFile)
      manifest.files.push_back(describe_file(directory, entry.path()));
  std::sort(manifest.files.begin(), manifest.files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return manifest;
}

std::string print_manifest(const Manifest& manifest) {
  Json files = Json::object();
  for (const Manifest::File& f : manifest.files) {
    Json entry{{"bytes", f.bytes}, {"xxh128", f.checksum}};
    for (const Manifest::Tensor& t : f.tensors)
      entry["tensors"][t.name] = {{"begin", t.begin}, {"end", t.end}, {"xxh128", t.checksum}};
    files[f.name] = std::move(entry);
  }
  std::string checksum = checksum_of(files.dump());
  return Json{{"version", 2}, {"files_checksum", checksum}, {"files", std::move(files)}}.dump(1);
}

Manifest parse_manifest(std::string_view text, const std::string& origin) {
  Json root = parse_json(text, origin);
  JsonObject top(root, origin);
  Manifest manifest{.version = top.integer("version"), .files = {}};
  check_data(manifest.version == 1 || manifest.version == 2,
             "{}: version {}, expected 1 or 2; was it written by a newer program?", origin,
             manifest.version);
  const Json& files = top.at("files");
  check_data(files.is_object(), "{}: key \"files\" must be an object", origin);
  if (manifest.version == 2)
    check_data(checksum_of(files.dump()) == read_checksum(top, "files_checksum"),
               "{}: its contents changed since it was written", origin);
  int64_t bytes = 0;
  for (const auto& [name, entry] : files.items()) {
    check_data(!leads_outside(name), "{}: file name \"{}\" leads outside", origin, name);
    JsonObject object(entry, format("{}: \"{}\"", origin, name));
    manifest.files.push_back(read_file_entry(name, object, manifest.version));
    check_data(manifest.files.back().bytes <= kMostBytes - bytes, "{}: too many bytes", origin);
    bytes += manifest.files.back().bytes;
  }
  return manifest;
}

Manifest read_manifest(const fs::path& directory) {
  constexpr int64_t kMostText = int64_t{1} << 28;
  fs::path path = directory / kManifestFile;
  return parse_manifest(read_file(path, kMostText), path.string());
}

std::string Damage::message() const {
  std::string text = format("{}: {}", file.string(), what);
  for (size_t i = 0; i < std::min(tensors.size(), kNamesShown); ++i)
    text += format("{}\"{}\"", i == 0 ? "; damaged: " : ", ", tensors[i]);
  if (tensors.size() > kNamesShown) text += format(" and {} more", tensors.size() - kNamesShown);
  return text;
}

std::vector<Damage> find_damage(const fs::path& directory, const Manifest& manifest,
                                const ReadProgress& read) {
  std::vector<Damage> all;
  for (const Manifest::File& file : manifest.files)
    if (auto damage = damage_of(directory / file.name, file, read)) all.push_back(*damage);
  return all;
}

void verify_checkpoint(const fs::path& directory, const ReadProgress& read) {
  std::vector<Damage> all = find_damage(directory, read_manifest(directory), read);
  if (all.empty()) return;
  std::string more = all.size() > 1 ? format("; {} more damaged", all.size() - 1) : "";
  fail(ErrorKind::kCorrupt, "{}{}", all.front().message(), more);
}

}  // namespace slm
