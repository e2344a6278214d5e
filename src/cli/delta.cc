// stablelm delta: weights published as a difference to a base model.
#include "model/delta.h"

#include <fmt/core.h>

#include <memory>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Example: StableVicuna-13B, whose weights are published as a difference to LLaMA-13B (the\n"
    "original, converted to the Hugging Face layout; not Vicuna):\n"
    "  stablelm pull CarperAI/stable-vicuna-13b-delta\n"
    "  stablelm delta apply llama-13b-hf CarperAI/stable-vicuna-13b-delta stable-vicuna-13b\n"
    "  stablelm chat stable-vicuna-13b";

struct DeltaCommand {
  std::string base, other, out, dtype = "f16";
  DeltaOptions options;
};

void apply(DeltaCommand& command) {
  auto dtype = dtype_from_name(command.dtype);
  check(dtype.has_value(), "--dtype {}: expected f16, bf16 or f32", command.dtype);
  command.options.dtype = *dtype;
  DeltaReport report = apply_delta(resolve_model(command.base), resolve_model(command.other),
                                   command.out, command.options);
  fmt::print("{}: {} tensors", command.out, report.tensors);
  if (report.new_rows > 0) fmt::print(", {} rows for new tokens", report.new_rows);
  fmt::print("; {}\n", report.base_recorded
                           ? "base and result are those that the delta records"
                           : "the delta records no hashes to compare with; tensor_hashes.json has "
                             "those of the result");
}

void make(DeltaCommand& command) {
  DeltaReport report = make_delta(resolve_model(command.base), resolve_model(command.other),
                                  command.out, command.options);
  fmt::print("{}: {} tensors", command.out, report.tensors);
  if (report.new_rows > 0) fmt::print(", {} rows for new tokens", report.new_rows);
  if (report.lost == 0)
    fmt::print("; applying it gives the target back bit for bit\n");
  else
    fmt::print("; applying it gives the target back except for {} numbers, off by rounding\n",
               report.lost);
}

CLI::App* add_way(CLI::App& parent, const std::string& name, const std::string& help,
                  const std::string& other, const std::string& other_help, DeltaCommand& command) {
  CLI::App* way = parent.add_subcommand(name, help);
  way->add_option("base", command.base, "The model the delta refers to")
      ->required()
      ->type_name("BASE");
  way->add_option("other", command.other, other_help)->required()->type_name(other);
  way->add_option("out", command.out, "Directory to write")->required()->type_name("OUT");
  way->add_option("--threads", command.options.threads, "Threads; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  return way;
}

}  // namespace

void add_delta_command(CLI::App& app) {
  CLI::App* delta = app.add_subcommand(
      "delta", "Weights published as a difference: make them whole, or make such a difference");
  delta->require_subcommand(1);
  delta->footer(kFooter);
  auto command = std::make_shared<DeltaCommand>();
  CLI::App* way = add_way(*delta, "apply", "Add a delta to its base: OUT = BASE + DELTA, in f16",
                          "DELTA", "The difference", *command);
  way->add_option("--dtype", command->dtype, "Number format of the files: f16, bf16 or f32")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}))
      ->capture_default_str();
  way->add_flag("--any-base", command->options.any_base,
                "Go on even when BASE is not what the delta was made from");
  way->footer(kFooter);
  way->callback([command] { apply(*command); });
  way = add_way(*delta, "make", "Make a delta: OUT = TARGET - BASE, in f16", "TARGET",
                "The model to publish", *command);
  way->footer(kFooter);
  way->callback([command] { make(*command); });
}

}  // namespace slm
