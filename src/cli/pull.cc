// stablelm pull: a model from a Hugging Face Hub into the shared cache, or a folder.
#include "hub/pull.h"

#include <fmt/core.h>

#include <memory>

#include "cli/commands.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Files go to the cache that all Hugging Face tools share (HF_HUB_CACHE, HF_HOME), are checked\n"
    "against their hashes, and are not fetched again. A pull that was stopped goes on where it\n"
    "was. What this program cannot use is left out unless --include names it. Settings:\n"
    "HF_ENDPOINT, HF_TOKEN (for private and restricted models), HF_HUB_OFFLINE=1.\n"
    "Examples:\n"
    "  stablelm pull stabilityai/stablelm-2-zephyr-1_6b\n"
    "  stablelm chat stabilityai/stablelm-2-zephyr-1_6b\n"
    "  stablelm pull ORG/NAME@v1.0 --include '*.gguf' --local-dir models/name";

struct PullOptions {
  std::string name;
  PullRequest request;
  std::string local_dir;
};

void run(PullOptions& options) {
  auto repository = parse_repository(options.name);
  check(repository.has_value(), "\"{}\": expected ORG/NAME or ORG/NAME@REVISION", options.name);
  options.request.repository = *repository;
  options.request.local_dir = options.local_dir;
  auto folder = pull(hub_settings_from_environment(), options.request);
  fmt::print("{}\n", folder.string());
}

}  // namespace

void add_pull_command(CLI::App& app) {
  auto options = std::make_shared<PullOptions>();
  CLI::App* command =
      app.add_subcommand("pull", "Download a model from the Hugging Face Hub, or go on with it");
  command->add_option("name", options->name, "ORG/NAME, or ORG/NAME@REVISION")
      ->required()
      ->type_name("ORG/NAME[@REV]");
  command
      ->add_option("--include", options->request.include,
                   "Fetch only files that match one of these patterns, e.g. '*.safetensors'")
      ->type_name("GLOB");
  command->add_option("--exclude", options->request.exclude, "Leave out files that match")
      ->type_name("GLOB");
  command
      ->add_option("--local-dir", options->local_dir,
                   "Write plain files into this folder instead of the cache")
      ->type_name("DIR");
  command->add_option("--parallel", options->request.parallel, "Files fetched at a time")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  command->footer(kFooter);
  command->callback([options] { run(*options); });
}

}  // namespace slm
