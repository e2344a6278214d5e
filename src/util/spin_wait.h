// Waiting a moment without giving up the core: cheaper than sleeping where what is waited for takes
// a few microseconds, and harmful where another thread needs the core to bring it about.
#pragma once

#include <chrono>

namespace slm {

// One per waiting thread.
class SpinWait {
 public:
  using Clock = std::chrono::steady_clock;

  // Spins at most this long; zero: never.
  explicit SpinWait(std::chrono::nanoseconds longest) : longest_(longest) {}

  // Whether ready() came true. After a spin in which another thread was given the core, the next
  // waits give up at once: a spinning thread is the first to be taken off a busy core, and a
  // sleeping one the first to be put back.
  template <class Ready>
  bool until(Ready ready) {
    if (ready()) return true;
    if (longest_.count() == 0 || resting()) return false;
    Clock::time_point start = Clock::now(), last = start;
    while (true) {
      for (int i = 0; i < kPauses; ++i) {
        if (ready()) return true;
        __builtin_ia32_pause();
      }
      Clock::time_point now = Clock::now();
      if (interrupted(now - last) || now - start > longest_) return ready();
      last = now;
    }
  }

 private:
  static constexpr int kPauses = 16;  // between two looks at the clock

  bool resting() { return rests_ > 0 && rests_-- > 0; }
  bool interrupted(std::chrono::nanoseconds gap);

  std::chrono::nanoseconds longest_;
  int rests_ = 0;
};

// 50 microseconds, or what $STABLELM_SPIN_US says.
std::chrono::nanoseconds spin_time();

}  // namespace slm
