// What a process last did together with the others, for the report when one of them stays away.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

// The last 1000 collectives. Any thread may call.
class FlightRecorder {
 public:
  using Clock = std::chrono::steady_clock;

  explicit FlightRecorder(int rank) : rank_(rank) {}

  // The step that what follows belongs to.
  void set_step(int64_t step);

  // While it lives, a collective is under way.
  class Entry {
   public:
    Entry(FlightRecorder& recorder, std::string_view operation, int64_t bytes, int channel);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    FlightRecorder& recorder_;
    int64_t number_;
  };

  int64_t started() const;  // collectives begun so far
  // The last `count`, oldest first, one per line: rank, number, operation, bytes, step, how long.
  std::string last(int count) const;

 private:
  struct Record {
    std::string_view operation;
    int64_t bytes = 0, step = 0;
    int channel = 0;
    Clock::time_point begin, end;  // end before begin: not over
  };

  mutable std::mutex mutex_;
  int rank_;
  int64_t step_ = 0, started_ = 0;
  std::vector<Record> ring_;
};

}  // namespace slm
