// How far a long job is, for the person who waits: on a terminal one line that refreshes itself,
// elsewhere a plain line now and then. Silent for jobs that are done within two seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace slm {

// "950 ms", "42 s", "3 min 05 s", "2 h 10 min", "4 d 3 h"
std::string format_duration(double seconds);
// "812", "12.3k", "4.19M", "1.03T"
std::string format_count(double count);
// "512 B", "1.5 MiB"
std::string format_bytes(double bytes);

struct ProgressOptions {
  std::string label;          // what is being done: "encoding"
  std::string unit = {};      // what is counted, for the rate: "tokens"; empty: no rate
  int64_t total = 0;          // 0: unknown, no percentage and no ETA
  int64_t start = 0;          // already done before this job began; does not count as speed
  double quiet_seconds = 2;   // says nothing before this
  double plain_seconds = 15;  // between lines when not on a terminal; 0: only print() speaks
  std::FILE* stream = stderr;
};

// One thread at a time.
class Progress {
 public:
  explicit Progress(ProgressOptions options);
  ~Progress();  // leaves the cursor on a fresh line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `details` follow the percentage: "loss 3.21".
  void update(int64_t done, std::string_view details = {});
  // A lasting line; on a terminal it goes above the progress line.
  void print(std::string_view line);

  bool terminal() const { return terminal_; }
  double seconds() const;       // since construction
  double rate() const;          // units per second so far
  double seconds_left() const;  // negative: unknown

 private:
  using Clock = std::chrono::steady_clock;
  std::string render(std::string_view details) const;
  void erase_line();

  ProgressOptions options_;
  bool terminal_;
  int64_t done_;
  Clock::time_point begin_;
  double last_shown_ = -1e9;  // seconds() of the last line
  bool line_open_ = false;    // the cursor stands behind a progress line
  std::string last_line_;
};

}  // namespace slm
