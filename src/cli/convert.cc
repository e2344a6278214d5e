// stablelm convert: a checkpoint written anew, in another number format or other shards.
#include <fmt/core.h>

#include <memory>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "model/load.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "SOURCE is a model directory with safetensors or pytorch_model.bin files; TARGET becomes one "
    "with\n"
    "safetensors files, config and tokenizer. Without --dtype nothing is rounded: f32.\n"
    "Example: stablelm convert run/step_1500 my-model --dtype bf16";

struct ConvertOptions {
  std::string source, target, dtype = "f32";
  double max_shard_gb = 5;
};

void convert(const ConvertOptions& options) {
  auto dtype = dtype_from_name(options.dtype);
  check(dtype && traits(*dtype).floating, "--dtype {}: expected f32, bf16 or f16", options.dtype);
  std::filesystem::path source = resolve_model(options.source);
  Model model = load_model(source);
  SaveOptions save{.dtype = *dtype, .max_shard_bytes = int64_t(options.max_shard_gb * 1e9)};
  save_model(options.target, model.config, model.parameters, save);
  copy_tokenizer_files(source, options.target);
  fmt::print("{}: {} parameters in {}\n", options.target, model.parameters.count(), options.dtype);
}

}  // namespace

void add_convert_command(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command =
      app.add_subcommand("convert", "Write a checkpoint anew in another number format");
  command->add_option("source", options->source, "Model directory to read")
      ->required()
      ->type_name("SOURCE");
  command->add_option("target", options->target, "Model directory to write")
      ->required()
      ->type_name("TARGET");
  command->add_option("--dtype", options->dtype, "Number format of the files: f32, bf16 or f16")
      ->capture_default_str();
  command->add_option("--max-shard-size", options->max_shard_gb, "Most gigabytes in one file")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 1e4));
  command->footer(kFooter);
  command->callback([options] { convert(*options); });
}

}  // namespace slm
