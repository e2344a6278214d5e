// Notices a process that is stopped, or whose machine is gone, though nobody is told: each process
// tells the next one twice a second that it lives. mpirun itself ends a job whose process died.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace slm::mpi {

class Pulse {
 public:
  // `lock` is held around every MPI call. `silent` is called, once, from a thread of its own, when
  // nothing has come from the process before for so many seconds of this process's own life.
  Pulse(std::mutex& lock, int rank, int size, double seconds, std::function<void(int rank)> silent);
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

 private:
  void beat();
  bool heard();

  std::mutex& lock_;
  int next_, previous_, most_silent_beats_;
  std::function<void(int)> silent_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace slm::mpi
