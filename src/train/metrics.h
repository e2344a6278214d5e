// What a run reports about itself: metrics.jsonl, one JSON object per line, and a picture of the
// loss. Lines have "version": 1, a "kind" and a "step":
//   step:     loss, lr, grad_norm, tokens (consumed so far), tokens_per_second (of steps alone,
//             since the line before), mfu (share of the measured peak; absent when there is none),
//             skipped (true when no update was made; else absent),
//             seconds (since the process began), phases (seconds of one step, by what they went
//             into), memory_bytes (the most this process ever held)
//   valid:    loss, tokens; test: the same, at the end
//   sources:  tokens, sources: [{source, tokens, epochs}], consumed so far
//   save:     checkpoint, seconds (that writing it took, beside training)
//   fault:    what, and more by the kind of fault
//   note:     what
// A number that is not finite is null. Readers skip kinds and fields that they do not know, and
// lines that are no JSON: a crash can leave one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "util/append_file.h"
#include "util/json.h"

namespace slm {

struct CurvePoint {
  double step, loss;
};
struct LossCurves {
  std::vector<CurvePoint> train, valid;
};

// Appends to the file (to none when the path is empty); every line is handed to the operating
// system at once. Lines of steps after `resumed_step`, written by a process that was killed before
// it saved them, are removed first.
class MetricsLog {
 public:
  MetricsLog(std::filesystem::path path, int64_t resumed_step);
  // A line that the disk has no room for is left out.
  void write(std::string_view kind, Json fields);
  const LossCurves& curves() const { return curves_; }
  std::string take_problem() { return file_ ? file_->take_problem() : ""; }

 private:
  void remember(const Json& line);

  std::filesystem::path path_;
  std::optional<AppendFile> file_;
  LossCurves curves_;
};

// An SVG picture of the curves against steps.
std::string plot_loss(const LossCurves& curves);

}  // namespace slm
