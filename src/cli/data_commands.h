// The subcommands of `stablelm data`, one file each: data_prepare.cc, data_inspect.cc,
// data_merge.cc.
#pragma once

#include <CLI/CLI.hpp>

namespace slm {

void add_data_prepare(CLI::App& data);
void add_data_inspect(CLI::App& data);
void add_data_merge(CLI::App& data);

}  // namespace slm
