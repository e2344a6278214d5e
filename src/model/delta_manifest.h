// Hashes of the tensors around a delta, in a small file beside it: which base it was made from, and
// what it gives. JSON:
//   {"format": "stablelm-delta", "version": 1,
//    "base": {TENSOR: SHA-256 of its f16 numbers, ...}, "result": {TENSOR: SHA-256, ...}}
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace slm {

inline constexpr const char* kDeltaManifest = "delta_manifest.json";

struct DeltaManifest {
  using Hashes = std::map<std::string, std::string>;  // tensor -> 64 lower-case hex digits
  Hashes base, result;
};

// Of a folder; null when it has none. Errors name file and key.
std::optional<DeltaManifest> read_delta_manifest(const std::filesystem::path& folder);
DeltaManifest parse_delta_manifest(std::string_view json, const std::string& origin);
void write_delta_manifest(const std::filesystem::path& folder, const DeltaManifest& manifest);

}  // namespace slm
