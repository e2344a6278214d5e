// A directory of checkpoints, step_<N>/ each, that a crash cannot harm: a checkpoint is written as
// step_<N>.tmp, every file flushed to the disk, a manifest of sizes and checksums added last, and
// then renamed; only after that does the file `latest` name it. One process at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace slm {

struct CheckpointStoreOptions {
  int64_t keep_last = 0;  // older ones are deleted after a save; 0: all are kept
  // Called before each stage of a save: "write", "manifest", "rename", "latest", "prune". Tests
  // throw from it.
  std::function<void(std::string_view stage)> on_stage = [](std::string_view) {};
};

class CheckpointStore {
 public:
  explicit CheckpointStore(std::filesystem::path directory, CheckpointStoreOptions options = {});

  // `write` fills an empty directory with files that it has flushed itself.
  void save(int64_t step, const std::function<void(const std::filesystem::path&)>& write);

  // Where to look for a checkpoint, best first: what `latest` names, then earlier steps, newest
  // first. Without a readable `latest`, every step.
  std::vector<std::filesystem::path> candidates() const;
  std::filesystem::path path_of(int64_t step) const;

  // Removes what a crash in the middle of a save left behind.
  void remove_leftovers() const;

 private:
  std::vector<int64_t> steps() const;  // ascending
  void prune(int64_t newest) const;

  std::filesystem::path directory_;
  CheckpointStoreOptions options_;
};

// Error, naming the file, unless every file of the manifest is there with its size and checksum.
void verify_checkpoint(const std::filesystem::path& checkpoint);

}  // namespace slm
