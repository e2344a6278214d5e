// How many tokens to propose next: more after all were accepted, fewer after one was not, and none
// for a while when proposing takes longer than it saves.
#pragma once

#include <cstdint>

namespace slm {

class DraftLength {
 public:
  // `cost`: Drafter::cost().
  DraftLength(int64_t most, double cost)
      : most_(most), cost_(cost), length_(most < 4 ? most : 4), rest_(cost < 0 ? kCompared : 0) {
    if (cost >= 0) plain_seconds_ = 1;
  }

  int64_t next() const { return rest_ > 0 ? 0 : length_; }

  // A pass that took `seconds`, proposing included, in which `accepted` of `proposed` were.
  void record(int64_t proposed, int64_t accepted, double seconds);

 private:
  static constexpr int64_t kCompared = 2;  // passes of each kind before they are compared
  bool pays() const;

  int64_t most_;
  double cost_;
  int64_t length_, rest_ = 0;  // rest_: passes without proposals to come
  int64_t pause_ = 0;          // how long the next rest will be
  double plain_seconds_ = 0;   // of a pass without proposals, a moving average
  double drafted_seconds_ = 0, drafted_tokens_ = 0;  // the same of passes with proposals
  int64_t drafted_ = 0;                              // such passes since the last rest
};

}  // namespace slm
