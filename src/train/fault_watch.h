// Applies a run's fault policy to its steps, and records each fault with the data it came from in
// faults.jsonl: {"version", "step", "kind", "action", "loss", "grad_norm", "z", "from_sample",
// "to_sample", "data": [{"sample", "source", "source_sample", "documents"}]}.
#pragma once

#include <filesystem>
#include <optional>

#include "data/sample_stream.h"
#include "train/fault_policy.h"
#include "train/trainer.h"

namespace slm {

struct Fault {
  int64_t step = 0;  // counts from 1
  FaultVerdict verdict;
  int64_t from_sample = 0, to_sample = 0;  // of the step
  std::string message;                     // one line: what happened, in which documents
};

class FaultWatch {
 public:
  // `log` is appended to; empty: nothing is written. The data must outlive this.
  FaultWatch(const FaultPolicySpec& spec, std::filesystem::path log, const SampleStream& data);

  // For TrainerOptions::accept: whether the step of samples [first, first + count) is to be made.
  // Error when the policy is to stop.
  bool accept(const StepReport& report, int64_t first, int64_t count);

  // The fault of the last step, once.
  std::optional<Fault> take();

  FaultPolicy& policy() { return policy_; }

 private:
  void record(const Fault& fault, const StepReport& report) const;
  std::string origins(const Fault& fault) const;

  FaultPolicy policy_;
  std::filesystem::path log_;
  const SampleStream& data_;
  std::optional<Fault> last_;
};

}  // namespace slm
