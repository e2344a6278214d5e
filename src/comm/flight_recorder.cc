#include "comm/flight_recorder.h"

#include <algorithm>

#include "util/format.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr int64_t kKept = 1000;

}  // namespace

void FlightRecorder::set_step(int64_t step) {
  std::lock_guard lock(mutex_);
  step_ = step;
}

FlightRecorder::Entry::Entry(FlightRecorder& recorder, std::string_view operation, int64_t bytes,
                             int channel)
    : recorder_(recorder) {
  std::lock_guard lock(recorder.mutex_);
  number_ = recorder.started_++;
  if (recorder.ring_.size() < size_t(kKept)) recorder.ring_.emplace_back();
  recorder.ring_[size_t(number_ % kKept)] = {operation, bytes,        recorder.step_,
                                             channel,   Clock::now(), {}};
}

FlightRecorder::Entry::~Entry() {
  std::lock_guard lock(recorder_.mutex_);
  if (recorder_.started_ - number_ <= kKept)
    recorder_.ring_[size_t(number_ % kKept)].end = Clock::now();
}

int64_t FlightRecorder::started() const {
  std::lock_guard lock(mutex_);
  return started_;
}

std::string FlightRecorder::last(int count) const {
  std::lock_guard lock(mutex_);
  std::string text;
  int64_t kept = std::min<int64_t>({kKept, started_, count});
  for (int64_t n = started_ - kept; n < started_; ++n) {
    const Record& r = ring_[size_t(n % kKept)];
    bool over = r.end >= r.begin;
    double seconds = std::chrono::duration<double>((over ? r.end : Clock::now()) - r.begin).count();
    text += format("  rank {} | #{} {} | {} | channel {} | step {} | {} {}\n", rank_, n,
                   r.operation, format_bytes(double(r.bytes)), r.channel, r.step,
                   over ? "took" : "waiting for", format_duration(seconds));
  }
  return text;
}

}  // namespace slm
