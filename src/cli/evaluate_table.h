// What is made of result files: comparison tables, and whether differences are more than noise.
#pragma once

#include <CLI/CLI.hpp>

namespace slm {

void add_evaluate_table(CLI::App& evaluate);
void add_evaluate_diff(CLI::App& evaluate);

}  // namespace slm
