#include "train/checkpoint_repair.h"

#include <algorithm>

#include "model/checkpoint.h"
#include "train/finite_weights.h"
#include "train/training_state.h"
#include "util/checksum.h"
#include "util/error.h"
#include "util/files.h"
#include "util/mapped_file.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

// Error unless training could go on from here.
void check_complete(const fs::path& directory) {
  Checkpoint model(directory);
  TrainerState state = read_trainer_state(directory);
  check_finite(open_weights(directory), directory.string());
  if (has_optimizer(directory)) check_optimizer(directory, model.parameters());
}

const Manifest::File* find_file(const Manifest& manifest, const std::string& name) {
  auto same = [&](const Manifest::File& f) { return f.name == name; };
  auto found = std::find_if(manifest.files.begin(), manifest.files.end(), same);
  return found == manifest.files.end() ? nullptr : &*found;
}

// The neighbour's file that is, byte for byte, what `wanted` was; empty: there is none.
fs::path twin_of(const Manifest::File& wanted, const std::vector<fs::path>& neighbours) {
  for (const fs::path& neighbour : neighbours) {
    fs::path file = neighbour / wanted.name;
    if (wanted.checksum.empty() || !fs::is_regular_file(file) ||
        int64_t(fs::file_size(file)) != wanted.bytes)
      continue;
    if (checksum_file(file, {}).whole == wanted.checksum) return file;
  }
  return {};
}

void copy_atomically(const fs::path& from, const fs::path& to) {
  AtomicFile out(to);
  auto in = MappedFile::open(from);
  out.write(in->text());
  out.commit();
}

void mend_files(const fs::path& checkpoint, const std::vector<Damage>& damage,
                const std::vector<fs::path>& neighbours, RepairReport& report) {
  Manifest manifest = read_manifest(checkpoint);
  for (const Damage& d : damage) {
    const Manifest::File* wanted =
        find_file(manifest, d.file.lexically_relative(checkpoint).string());
    fs::path twin = wanted ? twin_of(*wanted, neighbours) : fs::path();
    if (twin.empty()) {
      report.beyond.push_back(d.message() + "; no other checkpoint has the same file");
      continue;
    }
    copy_atomically(twin, d.file);
    report.done.push_back(format("{}: restored from {}, the same by its checksum", d.file.string(),
                                 twin.parent_path().string()));
  }
}

void make_new_manifest(const fs::path& checkpoint, const std::string& error, RepairReport& report) {
  try {
    check_complete(checkpoint);
  } catch (const Error& e) {
    report.beyond.push_back(format("{}; no new manifest was made: {}", error, e.what()));
    return;
  }
  write_file_atomically(checkpoint / kManifestFile, print_manifest(make_manifest(checkpoint)));
  report.done.push_back(
      format("{}: made anew. Warning: the checkpoint is complete and its numbers are finite, but "
             "that they are those that were written is not known",
             (checkpoint / kManifestFile).string()));
}

}  // namespace

std::string CheckpointCondition::message() const {
  std::string text = manifest_error;
  for (const Damage& d : damage) text += (text.empty() ? "" : "; ") + d.message();
  return text;
}

CheckpointCondition examine_checkpoint(const fs::path& checkpoint, const ReadProgress& read) {
  CheckpointCondition condition{.path = checkpoint};
  try {
    Manifest manifest = read_manifest(checkpoint);
    condition.files = std::ssize(manifest.files);
    condition.bytes = manifest.bytes();
    for (const Manifest::File& f : manifest.files) condition.tensors += std::ssize(f.tensors);
    condition.damage = find_damage(checkpoint, manifest, read);
  } catch (const Error& e) {
    condition.manifest_error = e.what();
  }
  return condition;
}

bool repair_checkpoint(const fs::path& checkpoint, const std::vector<fs::path>& neighbours,
                       RepairReport& report, const Examine& examine) {
  CheckpointCondition condition = examine(checkpoint);
  if (condition.good()) return true;
  size_t beyond = report.beyond.size();
  if (!condition.manifest_error.empty())
    make_new_manifest(checkpoint, condition.manifest_error, report);
  else
    mend_files(checkpoint, condition.damage, neighbours, report);
  return report.beyond.size() == beyond;
}

RepairReport repair_run(const CheckpointStore& store, const Examine& examine) {
  RepairReport report;
  for (const fs::path& leftover : store.remove_leftovers())
    report.done.push_back(format("{}: removed, a crash left it half-written", leftover.string()));
  std::vector<int64_t> steps = store.steps(), good;
  for (int64_t step : steps) {
    std::vector<fs::path> others;
    for (int64_t other : steps)
      if (other != step) others.push_back(store.path_of(other));
    if (repair_checkpoint(store.path_of(step), others, report, examine)) good.push_back(step);
  }
  auto latest = store.latest();
  if (steps.empty() || (latest && std::count(good.begin(), good.end(), *latest) > 0)) return report;
  std::string where = (store.directory() / "latest").string();
  if (good.empty()) {
    report.beyond.push_back(format("{}: there is no good checkpoint it could name", where));
  } else {
    store.set_latest(good.back());
    report.done.push_back(format("{}: names step_{} now", where, good.back()));
  }
  return report;
}

}  // namespace slm
