// What a run says about itself while it goes on: a line on the terminal, metrics.jsonl, TensorBoard
// event files, run.json.
#pragma once

#include <memory>
#include <optional>

#include "data/sample_stream.h"
#include "eval/results.h"
#include "train/event_file.h"
#include "train/flops.h"
#include "train/metrics.h"
#include "train/run_config.h"
#include "train/trainer.h"
#include "util/progress.h"

namespace slm {

// What the numbers of a run are relative to.
struct RunFacts {
  std::string machine;    // Backend::description()
  double peak_flops = 0;  // measured products per second of all processes together; 0: unknown
  int64_t processes = 1;
  bool quiet = false;  // another process says it all: this one writes and prints nothing
  double flops_per_token = 0, causal_flops_per_token = 0;
  int64_t parameters = 0;
};

// "<save>/tensorboard" unless tensorboard_dir says otherwise; empty for "none".
std::filesystem::path tensorboard_directory(const RunConfig& config);

// Writes <save>/run.json: what this run is (see docs/watching.md).
void write_run_file(const RunConfig& config, const DecoderSpec& spec, const RunFacts& facts);

// Lines of one process of a run. One thread.
class RunLog {
 public:
  // `clock` is read at each step and must outlive it.
  RunLog(const RunConfig& config, const RunFacts& facts, int64_t resumed_step,
         int64_t resumed_tokens, const PhaseClock& clock);

  // `tokens`: consumed by the run so far.
  void step(const StepReport& report, int64_t tokens);
  // kind "valid" or "test"
  void loss(std::string_view kind, int64_t step, double loss, int64_t tokens);
  // kind "eval": what evaluation tasks gave.
  void results(int64_t step, const Results& results, int64_t tokens);
  void sources(int64_t step, int64_t tokens, const std::vector<SampleStream::Usage>& usage);
  void saved(int64_t step, const std::filesystem::path& checkpoint, double seconds);
  // Something went wrong and the run goes on: kind "fault", with what happened as "what".
  void fault(int64_t step, std::string_view what, Json more = Json::object());
  void note(int64_t step, std::string_view what);  // kind "note"

  void say(std::string_view line) { progress_.print(line); }
  const LossCurves& curves() const { return metrics_.curves(); }

 private:
  struct Speed {
    double tokens_per_second = 0, share = 0;  // share of the peak; 0: unknown
    PhaseSeconds phases{};                    // of one step, on average
  };
  Speed speed_since_report(int64_t step, int64_t tokens) const;
  void write_step(const StepReport& report, int64_t tokens, const Speed& speed);

  const RunConfig& config_;
  RunFacts facts_;
  const PhaseClock& clock_;
  std::shared_ptr<std::FILE> nowhere_;  // of a quiet one
  MetricsLog metrics_;
  std::optional<EventFile> events_;
  Progress progress_;
  PhaseSeconds reported_phases_{};
  int64_t reported_tokens_, reported_step_;
};

}  // namespace slm
