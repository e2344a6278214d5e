// The one thread pool of a process's CPU work: a fixed split of a range over a fixed number of
// threads, so that what is computed by which thread never depends on timing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace slm {

int allowed_cores();  // how many cores this process may run on, at least 1

class ThreadPool {
 public:
  // `threads` counts the caller, which works too; 0 means one per core this process may run on.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Runs body(begin, end) over pieces that tile [0, count), each at least `grain` long, one piece
  // per thread at most, and returns when all are done. The first exception is rethrown here. Calls
  // from inside a body run inline, not nested. One caller at a time: a second thread waits for the
  // first.
  void run(int64_t count, int64_t grain,
           const std::function<void(int64_t begin, int64_t end)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slm
