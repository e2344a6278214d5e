// What the harness prints after a run.
#pragma once

#include <string>

#include "eval/results.h"

namespace slm {

// "MODEL (ARGS), limit: None, provide_description: False, num_fewshot: 0, batch_size: 8", from the
// config of the results.
std::string summary_line(const Results& results);

// A Markdown table, one row per metric, a newline after every row. Values have four decimals always
// (the harness drops zeros that all values of a column end in).
std::string results_table(const Results& results);

}  // namespace slm
