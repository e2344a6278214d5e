// stablelm data: from text to the token files that training reads, and a look into them.
#include "cli/commands.h"
#include "cli/data_commands.h"

namespace slm {

void add_data_command(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "Prepare text for training, and look at what was prepared");
  data->require_subcommand(1);
  add_data_prepare(*data);
  add_data_inspect(*data);
  add_data_merge(*data);
}

}  // namespace slm
