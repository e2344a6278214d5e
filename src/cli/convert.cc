// stablelm convert: a model written anew, in another container, number format or other shards.
#include <fmt/core.h>

#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "model/checkpoint.h"
#include "model/gguf/save_gguf.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "SOURCE is a model directory (safetensors or pytorch_model.bin files) or a .gguf file. TARGET\n"
    "becomes a .gguf file, as llama.cpp reads it, when its name ends so; else a model directory\n"
    "with safetensors files, config and tokenizer. Without --dtype nothing is rounded. The model\n"
    "need not fit in memory.\n"
    "Examples:\n"
    "  stablelm convert run/step_1500 my-model --dtype bf16 --max-shard-size 2GB\n"
    "  stablelm convert my-model my-model.gguf --dtype f16\n"
    "  stablelm convert zephyr-3b.Q4_K_M.gguf zephyr-3b --dtype f16";

struct ConvertOptions {
  std::string source, target, dtype;
  uint64_t max_shard_bytes = 5'000'000'000;
};

bool plain_float(DType type) {
  return type == DType::kF32 || type == DType::kBF16 || type == DType::kF16;
}

std::optional<DType> wanted_type(const std::string& name) {
  if (name.empty()) return {};
  auto type = dtype_from_name(name);
  check(type && plain_float(*type), "--dtype {}: expected f32, bf16 or f16", name);
  return type;
}

// The type that holds every matrix of a model without rounding: a directory has one.
DType common_type(const Checkpoint& checkpoint) {
  std::optional<DType> common;
  const auto& parameters = checkpoint.parameters();
  for (size_t p = 0; p < parameters.size(); ++p) {
    DType type = checkpoint.stored_type(p);
    bool small = parameters[p].role == ParameterRole::kNormWeight ||
                 parameters[p].role == ParameterRole::kBias;
    if (small && type == DType::kF32) continue;  // GGUF files keep them so: often they were 16 bits
    if (!plain_float(type) || (common && *common != type)) return DType::kF32;
    common = type;
  }
  return common.value_or(DType::kF32);
}

// Shows itself when the total is known.
WriteProgress progress_line(std::optional<Progress>& progress) {
  return [&progress](int64_t done, int64_t total) {
    if (!progress)
      progress.emplace(ProgressOptions{.label = "writing", .unit = "bytes", .total = total});
    progress->update(done);
  };
}

void write_gguf_file(Checkpoint& checkpoint, const ConvertOptions& options,
                     std::optional<DType> dtype, const WriteProgress& progress) {
  std::filesystem::path target = options.target;
  GgufModel model{.config = checkpoint.config(),
                  .vocabulary = checkpoint.vocabulary(),
                  .stop_ids = checkpoint.stop_ids(),
                  .value = [&](size_t p) { return checkpoint.load(p); }};
  auto type_of = [&](const GgufTensor& t) {
    DType stored = checkpoint.stored_type(t.parameters[0]);
    return dtype.value_or(stored == DType::kF64 ? DType::kF32 : stored);
  };
  save_gguf(target, model, {.name = target.stem(), .dtype = type_of, .progress = progress});
}

void write_directory(Checkpoint& checkpoint, const ConvertOptions& options,
                     std::optional<DType> dtype, const WriteProgress& progress) {
  SaveOptions save{.dtype = dtype.value_or(common_type(checkpoint)),
                   .max_shard_bytes = int64_t(options.max_shard_bytes),
                   .progress = progress};
  save_model(
      options.target, checkpoint.config(), [&](size_t p) { return checkpoint.load(p); }, save);
  checkpoint.write_tokenizer(options.target);
}

void convert(const ConvertOptions& options) {
  std::optional<DType> dtype = wanted_type(options.dtype);
  Checkpoint checkpoint(resolve_model(options.source));
  std::optional<Progress> progress;
  bool gguf = std::filesystem::path(options.target).extension() == ".gguf";
  auto write = gguf ? write_gguf_file : write_directory;
  write(checkpoint, options, dtype, progress_line(progress));
  progress.reset();
  int64_t count = 0;
  for (const ParameterSpec& p : checkpoint.parameters()) count += p.shape.elements();
  fmt::print("{}: {} parameters{}\n", options.target, count,
             dtype ? format(" in {}", options.dtype) : "");
}

}  // namespace

void add_convert_command(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command = app.add_subcommand(
      "convert", "Write a model anew: as GGUF or back, in another number format or other shards");
  command->add_option("source", options->source, "Model to read")->required()->type_name("SOURCE");
  command->add_option("target", options->target, "Model directory or .gguf file to write")
      ->required()
      ->type_name("TARGET");
  command->add_option("--dtype", options->dtype,
                      "Number format of the matrices: f32, bf16 or f16 (default: as stored)");
  command
      ->add_option("--max-shard-size", options->max_shard_bytes,
                   "Most bytes in one safetensors file: 5GB, 500MB (default: 5GB)")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(uint64_t{1'000'000}, uint64_t{10'000'000'000'000}));
  command->footer(kFooter);
  command->callback([options] { convert(*options); });
}

}  // namespace slm
