// manifest.json of a checkpoint: what was written, so that damage is found and named down to the
// tensor.
//   {"version": 2, "files_checksum": C, "files": {"model.safetensors": {"bytes": N, "xxh128": C,
//     "tensors": {NAME: {"begin": B, "end": E, "xxh128": C}, …}}, …}}
// begin and end are bytes of the file; C are 32 hexadecimal digits; files_checksum is that of
// "files" in compact form. Version 1 had {"bytes", "crc32"} of each file, and is still read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

inline constexpr std::string_view kManifestFile = "manifest.json";

struct Manifest {
  struct Tensor {
    std::string name;
    int64_t begin, end;
    std::string checksum;
  };
  struct File {
    std::string name;  // relative, never leads outside
    int64_t bytes;
    std::string checksum;
    std::vector<Tensor> tensors = {};    // in the order of their bytes
    std::optional<uint32_t> crc32 = {};  // of version 1, instead of the checksum
  };
  int64_t version = 2;
  std::vector<File> files;

  int64_t bytes() const;  // of all files
};

// Told how many bytes have been read.
using ReadProgress = std::function<void(int64_t)>;

// Reads every file below `directory`, but for a manifest.
Manifest make_manifest(const std::filesystem::path& directory);
std::string print_manifest(const Manifest& manifest);

// Error unless it is well formed. `origin` starts every message.
Manifest parse_manifest(std::string_view text, const std::string& origin);
Manifest read_manifest(const std::filesystem::path& directory);

struct Damage {
  std::filesystem::path file;
  std::string what;                  // "missing"
  std::vector<std::string> tensors;  // the damaged ones, where the manifest knows them

  std::string message() const;
};
// What is not as the manifest says; empty: all of it is.
std::vector<Damage> find_damage(
    const std::filesystem::path& directory, const Manifest& manifest,
    const ReadProgress& read = [](int64_t) {});

// Error, naming file and tensors, unless everything in a checkpoint is as its manifest says.
void verify_checkpoint(
    const std::filesystem::path& directory, const ReadProgress& read = [](int64_t) {});

}  // namespace slm
