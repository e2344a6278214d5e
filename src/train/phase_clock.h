// Where the time of a training step goes.
#pragma once

#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace slm {

enum class Phase { kOther, kData, kForward, kBackward, kReduce, kOptimizer, kSave };
inline constexpr std::array<std::string_view, 7> kPhaseNames{
    "other", "data", "forward", "backward", "reduce", "optimizer", "save"};
using PhaseSeconds = std::array<double, kPhaseNames.size()>;

// Attributes time to one phase at a time: to the one entered last. One thread.
class PhaseClock {
 public:
  // Ends the current phase; gives it back, for those who interrupt it.
  Phase enter(Phase next) {
    auto now = Clock::now();
    seconds_[size_t(phase_)] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
    return std::exchange(phase_, next);
  }
  const PhaseSeconds& seconds() const { return seconds_; }  // of phases that ended, summed up

  // A phase for as long as a scope; then the interrupted one goes on. The clock may be null.
  class Scope {
   public:
    Scope(PhaseClock* clock, Phase phase)
        : clock_(clock), interrupted_(clock ? clock->enter(phase) : phase) {}
    ~Scope() {
      if (clock_) clock_->enter(interrupted_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    PhaseClock* clock_;
    Phase interrupted_;
  };

 private:
  using Clock = std::chrono::steady_clock;
  PhaseSeconds seconds_{};
  Phase phase_ = Phase::kOther;
  Clock::time_point since_ = Clock::now();
};

}  // namespace slm
