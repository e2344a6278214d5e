// What a finished or running run has written about itself: metrics.jsonl and run.json of its
// directory (train/metrics.h, docs/watching.md), read for people to look at.
#pragma once

#include <filesystem>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "util/json.h"

namespace slm {

// Where on the three axes something happened. Seconds are of training: they go on across resumes.
struct RunMoment {
  double step = 0, tokens = 0, seconds = 0;
};

// One quantity against the run, in order.
struct RunCurve {
  std::vector<RunMoment> at;
  std::vector<double> value;

  bool empty() const { return value.empty(); }
  void add(const RunMoment& moment, double v) { at.push_back(moment), value.push_back(v); }
};

struct RunEvent {
  RunMoment at;
  std::string kind;  // "save", "fault" or "note"
  std::string text;
};

struct RunHistory {
  std::string name;
  Json facts = Json::object();  // run.json; empty without
  RunCurve loss, valid, test, lr, grad_norm, speed, share;
  std::vector<std::pair<std::string, RunCurve>> epochs;  // by source
  std::vector<RunEvent> events;
  double memory_bytes = 0;    // the most it ever held
  int64_t skipped_lines = 0;  // that were not what metrics.jsonl consists of
  RunMoment last;

  double fact(std::string_view key) const;  // a number of run.json; 0 without
};

// `directory` holds metrics.jsonl. Error when it does not; lines and fields that are broken or
// unknown are passed over.
RunHistory read_run_history(const std::filesystem::path& directory);
// The same from an open metrics.jsonl.
void read_metrics(std::istream& lines, RunHistory& history);

// Lowest and highest of runs of neighbours, in order, until at most `most` points are left: what
// stands out stays.
RunCurve thinned(const RunCurve& curve, size_t most);

}  // namespace slm
