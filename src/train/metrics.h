// What a run reports about itself: metrics.jsonl, one JSON object per line, and a picture of the
// loss. Lines have "version": 1 and a "kind":
//   step:   step, loss, lr, grad_norm, tokens (consumed so far), tokens_per_second, seconds (since
//           the process began), memory_bytes (the most this process ever held)
//   valid:  step, loss, tokens
#pragma once

#include <cstdio>
#include <filesystem>
#include <vector>

#include "util/json.h"

namespace slm {

struct CurvePoint {
  double step, loss;
};
struct LossCurves {
  std::vector<CurvePoint> train, valid;
};

// Appends to the file; every line is handed to the operating system at once. Lines of steps after
// `resumed_step`, written by a process that was killed before it saved them, are removed first.
class MetricsLog {
 public:
  MetricsLog(std::filesystem::path path, int64_t resumed_step);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  void write(std::string_view kind, Json fields);
  const LossCurves& curves() const { return curves_; }

 private:
  void remember(const Json& line);

  std::filesystem::path path_;
  std::FILE* file_ = nullptr;
  LossCurves curves_;
};

// The most memory this process ever held, in bytes.
int64_t peak_memory();

// An SVG picture of the curves against steps.
std::string plot_loss(const LossCurves& curves);

}  // namespace slm
