// stablelm bench probe: what this machine can do at best.
#include <fmt/core.h>

#include <memory>
#include <vector>

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

struct Limit {
  std::string name, unit, key;
  double rate;
};

// A GPU has a rate of its own for each type of numbers.
std::vector<Limit> limits_of(Backend& backend, const BackendOptions& options) {
  std::vector<Limit> limits{
      {"read memory", "GB/s", "read_bytes_per_second", read_bytes_per_second(backend)},
      {"f32 product", "GFLOP/s", "gemm_flops_per_second", gemm_flops_per_second(backend)}};
  if (backend.device() == Device::kHost) {
    limits.push_back(
        {"int8 in blocks", "GOP/s", "int8_ops_per_second", int8_ops_per_second(options)});
    return limits;
  }
  for (DType type : {DType::kBF16, DType::kF16}) {
    std::string name(traits(type).name);
    limits.push_back({name + " product", "GFLOP/s", name + "_flops_per_second",
                      gemm_flops_per_second(backend, type)});
  }
  return limits;
}

void run(const ProbeFlags& flags) {
  auto backend = make_backend(flags.backend, flags.options);
  std::vector<Limit> limits = limits_of(*backend, flags.options);
  if (flags.output == "json") {
    Json all{{"device", backend->description()}};
    for (const Limit& l : limits) all[l.key] = l.rate;
    fmt::print("{}\n", all.dump(2));
    return;
  }
  fmt::print("{:<14} {}\n", "device", backend->description());
  for (const Limit& l : limits) fmt::print("{:<14} {:.1f} {}\n", l.name, l.rate / 1e9, l.unit);
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
