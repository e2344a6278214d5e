// The one thread pool of a process's CPU work: a range is cut into pieces in a fixed way, and each
// piece is taken by the next thread that is free, so that a thread which lost its core holds up
// what it is at and nothing else. What a piece computes must not depend on who computes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace slm {

class ThreadPool {
 public:
  // `threads` counts the caller, which works too; 0 means allowed_cores() (util/cores.h).
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Runs body(begin, end) over pieces that tile [0, count), each at least `grain` long, a few per
  // thread, and returns when all are done. The first exception is rethrown here. Calls from inside
  // a body run inline, not nested. One caller at a time: a second thread waits for the first.
  void run(int64_t count, int64_t grain,
           const std::function<void(int64_t begin, int64_t end)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slm
