// stablelm bench probe: what this machine can do at best.
#include <fmt/core.h>

#include <memory>

#include "backend/probe.h"
#include "cli/bench_commands.h"
#include "cli/model_options.h"
#include "util/json.h"

namespace slm {
namespace {

struct ProbeFlags {
  std::string backend = "auto";
  BackendOptions options;
  std::string output = "table";
};

void run(const ProbeFlags& flags) {
  auto backend = make_backend(flags.backend, flags.options);
  double flops = gemm_flops_per_second(*backend), bytes = read_bytes_per_second(*backend);
  double int8 = int8_ops_per_second(flags.options);
  if (flags.output == "json") {
    fmt::print("{}\n", Json{{"device", backend->description()},
                            {"gemm_flops_per_second", flops},
                            {"int8_ops_per_second", int8},
                            {"read_bytes_per_second", bytes}}
                           .dump(2));
    return;
  }
  fmt::print("device         {}\n", backend->description());
  fmt::print("read memory    {:.1f} GB/s\n", bytes / 1e9);
  fmt::print("f32 product    {:.1f} GFLOP/s\n", flops / 1e9);
  fmt::print("int8 in blocks {:.1f} GOP/s\n", int8 / 1e9);
}

}  // namespace

void add_bench_probe_command(CLI::App& bench) {
  auto f = std::make_shared<ProbeFlags>();
  CLI::App* command =
      bench.add_subcommand("probe", "The machine's limits: reading memory, large products");
  add_backend_choice(*command, f->backend, f->options.device);
  command->add_option("--threads", f->options.threads, "0: one per core")
      ->check(CLI::Range(0, 1024));
  command->add_option("--format", f->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([f] { run(*f); });
}

}  // namespace slm
