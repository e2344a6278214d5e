// Finds what is wrong with the checkpoints of a run, and mends what can be mended without guessing.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "train/checkpoint_manifest.h"
#include "train/checkpoint_store.h"

namespace slm {

struct CheckpointCondition {
  std::filesystem::path path;
  std::string manifest_error;                 // empty: there is a manifest, and it is sound
  std::vector<Damage> damage;                 // what is not as the manifest says
  int64_t files = 0, tensors = 0, bytes = 0;  // that the manifest lists

  bool good() const { return manifest_error.empty() && damage.empty(); }
  std::string message() const;  // of all that is wrong, one line
};
CheckpointCondition examine_checkpoint(
    const std::filesystem::path& checkpoint, const ReadProgress& read = [](int64_t) {});

using Examine = std::function<CheckpointCondition(const std::filesystem::path&)>;
inline const Examine kExamine = [](const auto& path) { return examine_checkpoint(path); };

struct RepairReport {
  std::vector<std::string> done;    // what was mended
  std::vector<std::string> beyond;  // what was not, and why
};

// Of one checkpoint; whether it is good now. Files that are missing or damaged are copied from one
// of `neighbours` that has the very same file by its checksum. A manifest that is missing or
// damaged is made anew when the checkpoint is complete, readable and finite; that its numbers are
// those that were written is then not known.
bool repair_checkpoint(const std::filesystem::path& checkpoint,
                       const std::vector<std::filesystem::path>& neighbours, RepairReport& report,
                       const Examine& examine = kExamine);

// Of a run: its checkpoints, what crashes left behind, and `latest`, which names the newest good
// checkpoint when what it named is not good.
RepairReport repair_run(const CheckpointStore& store, const Examine& examine = kExamine);

}  // namespace slm
