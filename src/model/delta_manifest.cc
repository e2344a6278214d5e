#include "model/delta_manifest.h"

#include <algorithm>

#include "util/error.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 26;
constexpr const char* kFormat = "stablelm-delta";

bool is_sha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

DeltaManifest::Hashes hashes(const JsonObject& root, std::string_view key) {
  JsonObject of(root.at(key), format("{}: {}", root.origin(), key));
  DeltaManifest::Hashes result;
  for (const auto& [name, value] : of.json().items()) {
    check_data(value.is_string() && is_sha256(value.get<std::string>()),
               "{}: the hash of \"{}\" must be 64 hexadecimal digits", of.origin(), name);
    result.emplace(name, value.get<std::string>());
  }
  return result;
}

}  // namespace

DeltaManifest parse_delta_manifest(std::string_view json, const std::string& origin) {
  Json parsed = parse_json(json, origin);
  JsonObject root(parsed, origin);
  check_data(root.string("format") == kFormat, "{}: key \"format\": expected \"{}\", found \"{}\"",
             origin, kFormat, root.string("format"));
  int64_t version = root.integer("version");
  if (version != 1)
    fail(ErrorKind::kUnsupported, "{}: version {}, this program reads version 1", origin, version);
  return {hashes(root, "base"), hashes(root, "result")};
}

std::optional<DeltaManifest> read_delta_manifest(const std::filesystem::path& folder) {
  std::filesystem::path file = folder / kDeltaManifest;
  if (!std::filesystem::exists(file)) return std::nullopt;
  return parse_delta_manifest(read_file(file, kMaxBytes), file.string());
}

void write_delta_manifest(const std::filesystem::path& folder, const DeltaManifest& manifest) {
  Json json{{"format", kFormat},
            {"version", 1},
            {"base", Json(manifest.base)},
            {"result", Json(manifest.result)}};
  write_file_atomically(folder / kDeltaManifest, json.dump(1) + "\n");
}

}  // namespace slm
