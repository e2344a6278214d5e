// What `stablelm bench` can measure. Each is registered by one function, in a file of its name.
#pragma once

#include <CLI/CLI.hpp>

namespace slm {

void add_bench_train_command(CLI::App& bench);
void add_bench_probe_command(CLI::App& bench);

// The list: one line each, in the order --help shows.
inline constexpr void (*kBenchCommands[])(CLI::App&) = {
    add_bench_train_command,
    add_bench_probe_command,
};

}  // namespace slm
