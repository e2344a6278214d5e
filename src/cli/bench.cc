// stablelm bench: how fast this machine is at what the program does.
#include "cli/bench_commands.h"
#include "cli/commands.h"

namespace slm {

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure speed and memory on this machine");
  bench->footer("Example: stablelm bench train --hidden 768 --layers 12");
  bench->require_subcommand(1);
  for (auto add : kBenchCommands) add(*bench);
}

}  // namespace slm
