// Runs side by side: as one page for a browser, or as data for other programs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/report/run_history.h"

namespace slm {

// The figures of a run in one line of a table.
struct RunSummary {
  double final_loss = 0;  // mean of the last twentieth of the training losses
  double best_valid = 0, best_step = 0, final_valid = 0, test = 0;
  double tokens = 0, steps = 0, seconds = 0, tokens_per_second = 0, share = 0;  // medians
  bool has_loss = false, has_valid = false, has_test = false;
};
RunSummary summarize(const RunHistory& run);

// Keys of the configuration in which runs differ, each with a value per run; empty: not given.
struct ConfigDifference {
  std::string key;
  std::vector<std::string> values;
};
std::vector<ConfigDifference> config_differences(std::span<const RunHistory> runs);

// One self-contained HTML page: nothing is loaded from anywhere, and what runs say of themselves is
// shown as text. `refresh_seconds` > 0 makes browsers load it again that often.
std::string report_page(std::span<const RunHistory> runs, int refresh_seconds = 0);

// One row per logged step and validation: run, kind, step, tokens, seconds, loss, lr, grad_norm,
// tokens_per_second, mfu.
std::string report_csv(std::span<const RunHistory> runs);

// An array of runs: facts, summary, curves, events.
Json report_json(std::span<const RunHistory> runs);

}  // namespace slm
