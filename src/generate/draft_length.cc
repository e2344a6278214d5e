#include "generate/draft_length.h"

#include <algorithm>

namespace slm {
namespace {

constexpr double kNewest = 0.25;  // weight of the newest pass in an average
constexpr int64_t kShortestPause = 8, kLongestPause = 256;
constexpr int64_t kStretch = 64;  // passes with proposals before one without is measured again

// Other programs make single passes many times slower, so none counts for more than twice the mean.
void average(double& mean, double value) {
  mean = mean == 0 ? value : mean + kNewest * (std::min(value, 2 * mean) - mean);
}

}  // namespace

bool DraftLength::pays() const {
  if (drafted_ < kCompared) return true;
  return drafted_tokens_ * plain_seconds_ >= drafted_seconds_;
}

void DraftLength::record(int64_t proposed, int64_t accepted, double seconds) {
  if (cost_ >= 0) seconds = 1 + cost_ * double(proposed);
  if (proposed == 0) {
    average(plain_seconds_, seconds);
    rest_ = std::max<int64_t>(0, rest_ - 1);
    return;
  }
  average(drafted_seconds_, seconds);
  average(drafted_tokens_, double(accepted + 1));
  ++drafted_;
  length_ = accepted == proposed ? std::min(most_, 2 * length_)
                                 : std::clamp<int64_t>(accepted + 1, 1, most_);
  if (pays()) {
    if (drafted_ > kCompared) pause_ = 0;
    if (cost_ < 0 && drafted_ % kStretch == 0) rest_ = 1;
    return;
  }
  pause_ = std::clamp(2 * pause_, kShortestPause, kLongestPause);
  rest_ = pause_;
  drafted_seconds_ = drafted_tokens_ = 0;
  drafted_ = 0;
}

}  // namespace slm
