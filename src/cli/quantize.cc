// stablelm quantize: a checkpoint as a smaller GGUF file.
#include <fmt/core.h>

#include <chrono>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "model/quantization/importance.h"
#include "model/quantization/quantize_model.h"
#include "util/error.h"
#include "util/files.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "SOURCE is a model directory, the ORG/NAME of a pulled model, or a .gguf file; TARGET becomes "
    "a .gguf\n"
    "file that llama.cpp loads too. Types and their sizes: docs/quantisation.md.\n"
    "--calibration runs the model over a text first, to see which columns of each matrix matter "
    "most.\n"
    "Example: stablelm quantize my-model my-model-q4.gguf --type q4_k_m --calibration wiki.txt";

constexpr int64_t kMostCalibrationBytes = int64_t{1} << 30;

struct QuantizeFlags {
  std::string source, target, type, calibration;
  int64_t calibration_tokens = 65536;
  int threads = 0;
};

// Of each parameter. The mapped files are let go of before each matrix, so that no more of the
// model is in memory than what is being used.
std::vector<std::vector<float>> measure_importance(Checkpoint& source, const QuantizeFlags& flags) {
  check(source.tokenizer() != nullptr, "{}: --calibration needs a tokenizer beside the weights",
        flags.source);
  std::vector<int32_t> ids =
      source.tokenizer()->encode(read_file(flags.calibration, kMostCalibrationBytes));
  if (int64_t(ids.size()) > flags.calibration_tokens) ids.resize(size_t(flags.calibration_tokens));
  check(!ids.empty(), "{}: no text to calibrate with", flags.calibration);

  auto backend = make_backend("cpu", {.threads = flags.threads});
  Parameters parameters = load_parameters(source);
  Decoder decoder(source.config().spec, parameters);
  InputStatistics statistics(parameters);
  Progress progress({.label = "calibrating", .unit = "tokens", .total = int64_t(ids.size())});
  collect_statistics(*backend, decoder, ids, statistics,
                     {.progress = [&](int64_t done, int64_t) { progress.update(done); },
                      .between = [&] { source.release_pages(); }});
  std::vector<std::vector<float>> importance;
  for (size_t p = 0; p < parameters.items().size(); ++p)
    importance.push_back(statistics.mean_squares(p));
  return importance;
}

void warn_of_second_rounding(const Checkpoint& source, const std::string& name) {
  for (size_t p = 0; p < source.parameters().size(); ++p)
    if (traits(source.stored_type(p)).block_elems > 1) {
      fmt::print(stderr,
                 "warning: {} is quantised already ({}); rounding a second time costs quality\n",
                 name, traits(source.stored_type(p)).name);
      return;
    }
}

std::string size_of(int64_t bytes, int64_t numbers) {
  return format("{} ({:.2f} bits per weight)", format_bytes(double(bytes)),
                8 * double(bytes) / double(numbers));
}

void report(const QuantizeFlags& flags, const QuantizedSizes& sizes, double seconds) {
  std::string kinds;
  for (auto [dtype, count] : sizes.tensors)
    kinds += format("{}{} in {}", kinds.empty() ? "" : ", ", count, traits(dtype).name);
  fmt::print("{}: {} parameters, {}\n", flags.source, format_count(double(sizes.numbers)),
             size_of(sizes.stored_bytes, sizes.numbers));
  fmt::print("{}: {}; {}; {}\n", flags.target, size_of(sizes.file_bytes, sizes.numbers), kinds,
             format_duration(seconds));
}

void quantize(const QuantizeFlags& flags) {
  const QuantizationMix& mix = quantization_mix(flags.type);
  std::filesystem::path target = flags.target, path = resolve_model(flags.source);
  check(target.extension() == ".gguf", "{}: quantised models are GGUF files; end its name in .gguf",
        flags.target);
  check(!std::filesystem::exists(target) || !std::filesystem::equivalent(path, target),
        "{}: source and target are the same file", flags.target);
  Checkpoint source(path);
  warn_of_second_rounding(source, flags.source);
  std::vector<std::vector<float>> importance;
  if (!flags.calibration.empty()) importance = measure_importance(source, flags);

  ThreadPool pool(flags.threads);
  auto begin = std::chrono::steady_clock::now();
  std::optional<Progress> progress;  // from when the total is known
  QuantizedSizes sizes =
      quantize_model(source, target,
                     {.mix = mix,
                      .pool = pool,
                      .name = target.stem().string(),
                      .importance = std::move(importance),
                      .progress = [&](int64_t done, int64_t total) {
                        if (!progress)
                          progress.emplace(ProgressOptions{.label = "quantising", .total = total});
                        progress->update(done);
                      }});
  progress.reset();
  report(flags, sizes,
         std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

}  // namespace

void add_quantize_command(CLI::App& app) {
  auto flags = std::make_shared<QuantizeFlags>();
  CLI::App* command = app.add_subcommand("quantize", "Write a model as a smaller GGUF file");
  command->add_option("source", flags->source, "The model to read")
      ->required()
      ->type_name("SOURCE");
  command->add_option("target", flags->target, "The .gguf file to write")
      ->required()
      ->type_name("TARGET");
  command->add_option("--type", flags->type, "One of " + quantization_mix_names())
      ->required()
      ->type_name("TYPE");
  command
      ->add_option("--calibration", flags->calibration,
                   "A text like those the model will see: errors are kept from what matters in it")
      ->type_name("FILE");
  command
      ->add_option("--calibration-tokens", flags->calibration_tokens,
                   "Most tokens of the text that are used")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 32))
      ->capture_default_str();
  command->add_option("--threads", flags->threads, "Threads; 0: one per core this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->footer(kFooter);
  command->callback([flags] { quantize(*flags); });
}

}  // namespace slm
