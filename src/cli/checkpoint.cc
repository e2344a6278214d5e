// stablelm checkpoint: the checkpoints of a training run, listed, verified, repaired, exported.
#include "model/checkpoint.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <chrono>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "train/checkpoint_repair.h"
#include "train/training_state.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter =
    "RUN is the directory a run saves to, or one checkpoint in it.\n"
    "Examples:\n"
    "  stablelm checkpoint list run/out\n"
    "  stablelm checkpoint verify run/out\n"
    "  stablelm checkpoint export run/out --output my-model --dtype bf16\n"
    "Exit codes: 0 all is good, 1 something is damaged (and, after repair, still is).";

struct CheckpointFlags {
  std::string target, output, dtype;
  uint64_t max_shard_bytes = 5'000'000'000;
};

// The checkpoints that a path means, oldest first.
struct Target {
  explicit Target(const fs::path& path) : store(path) {
    if (!fs::is_directory(path))
      fail(ErrorKind::kNotFound, "{}: no such directory; expected a run or a checkpoint",
           path.string());
    for (int64_t step : store.steps()) checkpoints.push_back(store.path_of(step));
    one = checkpoints.empty();
    if (!one) return;
    fs::path checkpoint = fs::canonical(path);
    bool known = step_of_checkpoint(checkpoint) || fs::exists(checkpoint / kManifestFile);
    if (!known)
      fail(ErrorKind::kNotFound, "{}: neither a checkpoint nor a run that holds any",
           path.string());
    store = CheckpointStore(checkpoint.parent_path());
    checkpoints = {checkpoint};
  }

  CheckpointStore store;
  std::vector<fs::path> checkpoints;
  bool one = false;  // a checkpoint was named, not a run
};

int64_t bytes_below(const fs::path& directory) {
  int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) bytes += int64_t(entry.file_size());
  return bytes;
}

CheckpointCondition examine_with_progress(const fs::path& checkpoint) {
  int64_t done = 0;
  Progress progress({.label = "verifying " + checkpoint.filename().string(),
                     .unit = "B",
                     .total = bytes_below(checkpoint)});
  return examine_checkpoint(checkpoint, [&](int64_t bytes) { progress.update(done += bytes); });
}

void list(const CheckpointFlags& flags) {
  Target target(flags.target);
  auto latest = target.store.latest();
  fmt::print("{:<16} {:>10} {:>10} {:>10}  {}\n", "checkpoint", "tokens", "size", "optimizer",
             "written");
  for (const fs::path& path : target.checkpoints) {
    std::string tokens = "?";
    try {
      tokens = format_count(double(read_trainer_state(path).tokens));
    } catch (const Error&) {  // `verify` says what is wrong with it
    }
    auto written = std::chrono::file_clock::to_sys(fs::last_write_time(path));
    bool newest = latest && path == target.store.path_of(*latest);
    fmt::print("{:<16} {:>10} {:>10} {:>10}  {:%Y-%m-%d %H:%M}{}\n", path.filename().string(),
               tokens, format_bytes(double(bytes_below(path))), has_optimizer(path) ? "yes" : "no",
               fmt::localtime(std::chrono::system_clock::to_time_t(
                   std::chrono::time_point_cast<std::chrono::seconds>(written))),
               newest ? "  <- latest" : "");
  }
}

int verify(const CheckpointFlags& flags) {
  Target target(flags.target);
  int64_t bad = 0;
  std::optional<fs::path> newest_good;
  for (const fs::path& path : target.checkpoints) {
    CheckpointCondition condition = examine_with_progress(path);
    if (condition.good()) {
      newest_good = path;
      fmt::print("{}: good ({} files, {} tensors, {})\n", path.string(), condition.files,
                 condition.tensors, format_bytes(double(condition.bytes)));
      continue;
    }
    ++bad;
    if (!condition.manifest_error.empty())
      fmt::print("{}: cannot be verified: {}\n", path.string(), condition.manifest_error);
    for (const Damage& damage : condition.damage) fmt::print("{}\n", damage.message());
  }
  if (target.one) return bad > 0;
  auto latest = target.store.latest();
  if (!latest || !fs::is_directory(target.store.path_of(*latest))) {
    ++bad;
    fmt::print("{}: names no checkpoint that is there\n",
               (target.store.directory() / "latest").string());
  }
  if (bad > 0)
    fmt::print("{}\n", newest_good ? format("the newest good one is {}", newest_good->string())
                                   : "none is good");
  return bad > 0;
}

int repair(const CheckpointFlags& flags) {
  Target target(flags.target);
  RepairReport report;
  if (target.one) {
    std::vector<fs::path> neighbours;
    for (int64_t step : target.store.steps()) neighbours.push_back(target.store.path_of(step));
    std::erase(neighbours, target.checkpoints[0]);
    repair_checkpoint(target.checkpoints[0], neighbours, report, examine_with_progress);
  } else {
    report = repair_run(target.store, examine_with_progress);
  }
  for (const std::string& line : report.done) fmt::print("{}\n", line);
  for (const std::string& line : report.beyond) fmt::print("cannot be mended: {}\n", line);
  if (report.done.empty() && report.beyond.empty()) fmt::print("nothing to repair\n");
  return !report.beyond.empty();
}

// The one that was named, or the newest good one of a run.
fs::path choose(const Target& target) {
  for (auto path = target.checkpoints.rbegin(); path != target.checkpoints.rend(); ++path) {
    CheckpointCondition condition = examine_with_progress(*path);
    if (condition.good()) return *path;
    if (target.one) fail(ErrorKind::kCorrupt, "{}", condition.message());
    fmt::print(stderr, "{} is damaged ({}); trying the one before it\n", path->string(),
               condition.message());
  }
  fail(ErrorKind::kCorrupt, "{}: no checkpoint here is good", target.store.directory().string());
}

void export_model(const CheckpointFlags& flags) {
  auto dtype = dtype_from_name(flags.dtype);
  check(
      flags.dtype.empty() || dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16,
      "--dtype {}: expected f32, bf16 or f16", flags.dtype);
  check(!fs::exists(fs::path(flags.output) / "config.json"), "{}: already holds a model",
        flags.output);
  fs::path path = choose(Target(flags.target));
  Checkpoint checkpoint(path);
  auto master = master_copy(path);
  auto value = [&](size_t p) {
    return master ? master(checkpoint.parameters()[p]) : checkpoint.load(p);
  };
  std::optional<Progress> progress;
  SaveOptions options{.dtype = dtype.value_or(checkpoint.stored_type(0)),
                      .max_shard_bytes = int64_t(flags.max_shard_bytes)};
  options.progress = [&](int64_t done, int64_t total) {
    if (!progress)
      progress.emplace(ProgressOptions{.label = "writing", .unit = "bytes", .total = total});
    progress->update(done);
  };
  save_model(flags.output, checkpoint.config(), value, options);
  checkpoint.write_tokenizer(flags.output);
  progress.reset();
  fmt::print("{}: the model of {} in {}\n", flags.output, path.string(),
             traits(options.dtype).name);
}

CLI::App* add_part(CLI::App& parent, const std::string& name, const std::string& help,
                   CheckpointFlags& flags) {
  CLI::App* part = parent.add_subcommand(name, help);
  part->add_option("run", flags.target, "Directory of a run, or one checkpoint")
      ->required()
      ->type_name("RUN");
  part->footer(kFooter);
  return part;
}

}  // namespace

void add_checkpoint_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "checkpoint", "The checkpoints of a training run: list, verify, repair, export");
  command->require_subcommand(1);
  command->footer(kFooter);
  auto flags = std::make_shared<CheckpointFlags>();
  auto ending_with = [](int code) {
    if (code != 0) throw CLI::RuntimeError(code);
  };
  add_part(*command, "list", "What is there: steps, tokens, sizes", *flags)->callback([flags] {
    list(*flags);
  });
  add_part(*command, "verify", "Read every byte; name the tensors that are damaged", *flags)
      ->callback([flags, ending_with] { ending_with(verify(*flags)); });
  add_part(*command, "repair", "Mend what can be mended without guessing, and say what cannot",
           *flags)
      ->callback([flags, ending_with] { ending_with(repair(*flags)); });
  CLI::App* part =
      add_part(*command, "export", "Write the model alone, as a Hugging Face directory", *flags);
  part->add_option("--output,-o", flags->output, "Directory to write")->required();
  part->add_option("--dtype", flags->dtype, "Number format: f32, bf16 or f16 (default: as stored)");
  part->add_option("--max-shard-size", flags->max_shard_bytes,
                   "Most bytes in one safetensors file: 5GB, 500MB (default: 5GB)")
      ->transform(CLI::AsSizeValue(true));
  part->callback([flags] { export_model(*flags); });
}

}  // namespace slm
