// The data of a run: sample streams by configuration, and what must be the same when it resumes.
#pragma once

#include <optional>

#include "data/sample_stream.h"
#include "train/next_token.h"
#include "train/run_config.h"
#include "util/json.h"

namespace slm {

struct RunData {
  SampleStream train;
  std::optional<SampleStream> valid;  // always the same samples: losses are comparable
  std::optional<SampleStream> test;   // the same for the loss at the end
  int64_t valid_batches = 0;          // global batches of a validation
};

struct RunDataOptions {
  int64_t vocab;           // the number of ids a token may have
  bool only_plan = false;  // how much of what is read is wanted, not the samples
};

// Error when there is no training data.
RunData open_run_data(const RunConfig& config, const RunDataOptions& options);

// Equal fingerprints mean equal samples in equal order.
Json data_fingerprint(const RunConfig& config, const SampleStream& train);

// The stream must outlive it. A run that left samples out ends with the first ones once more.
SampleSource source_of(const SampleStream& stream);

}  // namespace slm
