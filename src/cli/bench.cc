// stablelm bench: how fast a model answers on this machine, and what the machine allows.
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>

#include "cli/bench_commands.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "generate/speed_benchmark.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Reads a prompt of -p tokens and writes -n, after each --depth of text, -b texts at a time.\n"
    "GB/s: the weights, keys and values that a token needs; of read: over the measured speed of\n"
    "reading memory. GFLOP/s: those of the linear layers; of peak: over the measured speed of a\n"
    "large product in f32 or bf16, or of multiplying bytes where weights are in blocks. Speeds are "
    "the\n"
    "median of --repeats. Tokens are random.\n"
    "Examples:\n"
    "  stablelm bench\n"
    "  stablelm bench model.gguf -p 512 -n 128 -b 1,2,4,8 --depth 0,4096\n"
    "  stablelm init stablelm-3b-4e1t 3b.gguf --dtype q4_k_m && stablelm bench 3b.gguf\n"
    "  stablelm bench train --hidden 768 --layers 12";

struct BenchFlags {
  ModelOptions model;
  SpeedOptions options;
  std::string cache_type = "f16", output = "table";
};

std::string printed(const Speed& speed, const std::string& how) {
  if (how == "json") return to_json(speed).dump(2) + "\n";
  return how == "md" ? to_markdown(speed) : to_table(speed);
}

void run(BenchFlags& flags) {
  SpeedOptions& o = flags.options;
  o.open = flags.model.open_options();
  o.cache_dtype = *dtype_from_name(flags.cache_type);
  std::optional<Progress> progress;
  o.progress = [&](int64_t done, int64_t total) {
    if (!progress) progress.emplace(ProgressOptions{.label = "measuring", .total = total});
    progress->update(done);
  };
  Speed speed = benchmark_speed(flags.model.model_dir(), o);
  progress.reset();
  std::fputs(printed(speed, flags.output).c_str(), stdout);
}

void add_sizes(CLI::App& command, SpeedOptions& o) {
  constexpr int64_t kMost = int64_t{1} << 24;
  command.add_option("-p,--prompt", o.prompt, "Tokens of the prompt that is read; 0: none")
      ->check(CLI::Range(int64_t{0}, kMost))
      ->capture_default_str();
  command.add_option("-n,--tokens", o.tokens, "Tokens that are written; 0: none")
      ->check(CLI::Range(int64_t{0}, kMost))
      ->capture_default_str();
  command.add_option("-b,--batch", o.batches, "How many texts are written together: 1,2,4,8")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{1}, int64_t{4096}));
  command.add_option("--depth", o.depths, "Tokens that are there before: 0,4096")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{0}, kMost));
  command.add_option("--repeats", o.repeats, "Times that each is measured")
      ->check(CLI::Range(int64_t{1}, int64_t{1000}))
      ->capture_default_str();
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto f = std::make_shared<BenchFlags>();
  CLI::App* bench = app.add_subcommand("bench", "Measure speed and memory on this machine");
  bench->footer(kFooter);
  f->model.add_to(*bench, false);
  add_sizes(*bench, f->options);
  bench
      ->add_option("--cache-type", f->cache_type,
                   "Number format of the kept keys and values: f32, f16, bf16, q8_0 or q4_0")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "q4_0"}).description("TYPE"))
      ->capture_default_str();
  bench->add_option("--format", f->output, "table, json or md")
      ->check(CLI::IsMember({"table", "json", "md"}))
      ->capture_default_str();
  for (auto add : kBenchCommands) add(*bench);
  bench->callback([f, bench] {
    if (bench->get_subcommands().empty()) run(*f);
  });
}

}  // namespace slm
