// Ctrl-C as a request instead of the end of the program. A signal handler can only reach a global,
// so there is one flag for the process.
#pragma once

#include <signal.h>

#include <atomic>

namespace slm {

// While one exists, SIGINT sets flag() and interrupts the system call that waits. Main thread only.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static std::atomic<bool>& flag();

 private:
  struct sigaction before_;
};

// Ends the process the way Ctrl-C would have.
[[noreturn]] void end_by_interrupt();

}  // namespace slm
