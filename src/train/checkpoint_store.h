// A directory of checkpoints, step_<N>/ each, that a crash cannot harm: a checkpoint is written as
// step_<N>.tmp, every file flushed to the disk, a manifest of sizes and checksums added last, and
// then renamed; only after that does the file `latest` name it. One process at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

struct CheckpointStoreOptions {
  int64_t keep_last = 0;   // older ones are deleted after a save; 0: all are kept
  int64_t keep_every = 0;  // except those of steps that this divides; 0: none
  // Called before each stage of a save: "write", "manifest", "rename", "sync", "latest", "prune".
  // Tests throw from it, or kill the process.
  std::function<void(std::string_view stage)> on_stage = [](std::string_view) {};
};

class CheckpointStore {
 public:
  explicit CheckpointStore(std::filesystem::path directory, CheckpointStoreOptions options = {});

  // `write` fills an empty directory with files that it has flushed itself. When anything throws,
  // the checkpoints are those from before, and nothing half-written stays behind.
  void save(int64_t step, const std::function<void(const std::filesystem::path&)>& write) const;

  // Where to look for a checkpoint, best first: what `latest` names, then earlier steps, newest
  // first. Without a readable `latest`, every step.
  std::vector<std::filesystem::path> candidates() const;
  std::filesystem::path path_of(int64_t step) const;
  std::vector<int64_t> steps() const;     // of complete checkpoints, ascending
  std::optional<int64_t> latest() const;  // what `latest` names, whether it is there or not
  void set_latest(int64_t step) const;

  // Removes what a crash in the middle of a save left behind; the paths that were.
  std::vector<std::filesystem::path> remove_leftovers() const;

  const std::filesystem::path& directory() const { return directory_; }

 private:
  void put_in_place(const std::filesystem::path& temporary, int64_t step) const;
  void prune(int64_t newest) const;

  std::filesystem::path directory_;
  CheckpointStoreOptions options_;
};

// The step of a directory called as the store calls them.
std::optional<int64_t> step_of_checkpoint(const std::filesystem::path& path);

}  // namespace slm
