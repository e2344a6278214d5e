// Writes checkpoints while training goes on.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <string>

#include "train/checkpoint_store.h"

namespace slm {

// One save is under way at most. What goes wrong in it is told, not thrown: training can go on
// without this checkpoint, and the ones from before are still there. One thread at a time.
class CheckpointWriter {
 public:
  struct Outcome {
    int64_t step = 0;
    std::string error;   // empty: it is written
    double seconds = 0;  // that writing took
  };

  // `background`: saves are written by a thread of their own; else save() writes.
  CheckpointWriter(const CheckpointStore& store, bool background)
      : store_(store), background_(background) {}
  ~CheckpointWriter();  // waits
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Begins to write. The save before this one must have been waited for.
  void save(int64_t step, std::function<void(const std::filesystem::path&)> write);

  // What became of a save; each is told once. poll() does not wait for one that is under way.
  std::optional<Outcome> poll();
  std::optional<Outcome> wait();

 private:
  const CheckpointStore& store_;
  bool background_;
  std::future<Outcome> running_;
};

}  // namespace slm
