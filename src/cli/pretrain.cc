// stablelm pretrain: train a model from a GPT-NeoX run configuration and prepared data.
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/together.h"
#include "train/config_listing.h"
#include "train/pretraining.h"
#include "util/error.h"

namespace slm {
namespace {

struct PretrainFlags {
  std::vector<std::string> configs, overrides, data, valid;
  std::string tokenizer, save;
  int64_t steps = 0;
  bool resume = false, deterministic = false, dry_run = false, print_config = false;
  PretrainOptions options;
};

// "PREFIX" or "PREFIX:0.7"
void add_source(const std::string& text, std::vector<std::string>& paths,
                std::vector<double>& weights) {
  size_t colon = text.rfind(':');
  char* end = nullptr;
  double weight = colon == std::string::npos ? 0 : std::strtod(text.c_str() + colon + 1, &end);
  bool weighted = end && *end == '\0' && end != text.c_str() + colon + 1;
  paths.push_back(weighted ? text.substr(0, colon) : text);
  weights.push_back(weighted ? weight : 1);
}

// A list of texts in the syntax of --set.
template <class T, class Print>
std::string list(const std::vector<T>& items, Print print) {
  std::string text;
  for (const T& item : items) text += (text.empty() ? "" : ", ") + print(item);
  return "[" + text + "]";
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// The flags that stand for keys, as overrides; --set comes after them and wins.
std::vector<std::string> overrides_of(const PretrainFlags& flags) {
  std::vector<std::string> overrides;
  auto add_data = [&](const std::string& kind, const std::vector<std::string>& sources) {
    if (sources.empty()) return;
    std::vector<std::string> paths;
    std::vector<double> weights;
    for (const std::string& source : sources) add_source(source, paths, weights);
    overrides.push_back(kind + "_data_paths=" + list(paths, quoted));
    overrides.push_back(kind +
                        "_data_weights=" + list(weights, [](double w) { return format("{}", w); }));
  };
  add_data("train", flags.data);
  add_data("valid", flags.valid);
  if (!flags.tokenizer.empty()) overrides.push_back("vocab_file=" + quoted(flags.tokenizer));
  if (!flags.save.empty()) overrides.push_back("save=" + quoted(flags.save));
  if (flags.deterministic) overrides.push_back("deterministic=true");
  if (flags.steps > 0) overrides.push_back(format("train_iters={}", flags.steps));
  overrides.insert(overrides.end(), flags.overrides.begin(), flags.overrides.end());
  return overrides;
}

void run_pretrain(Comm& comm, PretrainFlags& flags) {
  std::vector<ConfigSource> files;
  for (const std::string& path : flags.configs) files.push_back(read_config_source(path));
  RunConfig config = read_run_config(files, overrides_of(flags), comm.size());
  flags.options.resume = flags.resume;
  flags.options.comm = &comm;
  flags.options.say = [&comm](std::string_view line) {
    if (comm.first()) std::fprintf(stderr, "%.*s\n", int(line.size()), line.data());
  };
  if ((flags.print_config || flags.dry_run) && !comm.first()) return;
  if (flags.print_config) {
    std::fputs(print_run_config(config).c_str(), stdout);
  } else if (flags.dry_run) {
    std::fputs(Pretraining::plan(config, flags.options).c_str(), stdout);
  } else {
    Pretraining(std::move(config), std::move(files), flags.options).run();
  }
}

}  // namespace

void add_pretrain_command(CLI::App& app) {
  auto flags = std::make_shared<PretrainFlags>();
  CLI::App* command =
      app.add_subcommand("pretrain", "Train a model from a GPT-NeoX run configuration");
  command->add_option("configs,--config", flags->configs, "Run configuration; several are merged")
      ->required()
      ->type_name("CONFIG.yml");
  command->add_option("--set", flags->overrides, "Override a key: --set train_iters=1000")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--data", flags->data, "Training data made by `data prepare`, repeatable")
      ->type_name("PREFIX[:WEIGHT]")
      ->allow_extra_args(false);
  command->add_option("--valid", flags->valid, "Validation data, repeatable")
      ->type_name("PREFIX[:WEIGHT]")
      ->allow_extra_args(false);
  command->add_option("--tokenizer", flags->tokenizer, "Tokenizer file or model directory");
  command->add_option("--save", flags->save, "Directory for checkpoints and metrics");
  command->add_flag("--resume", flags->resume, "Continue from the newest good checkpoint there");
  command->add_flag("--deterministic", flags->deterministic,
                    "The same bits from 1, 2, 4 … 64 processes; slower");
  command->add_option("--steps", flags->steps, "Optimiser steps in all (train_iters)")
      ->check(CLI::PositiveNumber);
  command->add_option("--threads", flags->options.backend_options.threads, "0: one per core")
      ->check(CLI::NonNegativeNumber);
  add_backend_choice(*command, flags->options.backend, flags->options.backend_options.device);
  command->add_flag("--dry-run", flags->dry_run, "Only print what the run will take");
  command->add_flag("--print-config", flags->print_config,
                    "Only print the configuration with all keys, as a file");
  command->add_flag_callback(
      "--list-keys",
      [] {
        std::fputs(list_config_keys().c_str(), stdout);
        throw CLI::Success();
      },
      "Only print a table of all keys of a configuration");
  command->callback([flags] { run_together([&](Comm& comm) { run_pretrain(comm, *flags); }); });
}

}  // namespace slm
