#include "data/mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "util/error.h"

namespace slm {
namespace {

constexpr int64_t kBlock = 4096;

int furthest_behind(std::span<const double> weights, std::span<const int64_t> used,
                    double position) {
  int best = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < weights.size(); ++i) {
    double behind = weights[i] * position - double(used[i]);
    if (behind > most) most = behind, best = int(i);
  }
  return best;
}

}  // namespace

std::vector<double> normalized_weights(std::span<const double> weights) {
  check(!weights.empty(), "[mixture] no data files are given");
  double sum = 0;
  for (double w : weights) {
    check(std::isfinite(w) && w >= 0, "[mixture] the weight {} is not a number from 0", w);
    sum += w;
  }
  check(sum > 0 && std::isfinite(sum), "[mixture] the weights sum to {}", sum);
  std::vector<double> out;
  for (double w : weights) out.push_back(w / sum);
  return out;
}

Mixture::Mixture(std::span<const double> normalized, int64_t size) : sources_(normalized.size()) {
  check(sources_ > 0 && sources_ <= 65535, "[mixture] {} sources, at most 65535", sources_);
  check(size >= 0, "[mixture] {} samples", size);
  choices_.reserve(size_t(size));
  std::vector<int64_t> used(sources_);
  for (int64_t p = 0; p < size; ++p) {
    if (p % kBlock == 0) counts_.insert(counts_.end(), used.begin(), used.end());
    int choice = furthest_behind(normalized, used, std::max(double(p), 1.0));
    choices_.push_back(uint16_t(choice));
    ++used[size_t(choice)];
  }
}

Mixture::Pick Mixture::at(int64_t position) const {
  check(position >= 0 && position < size(), "[mixture] sample {} of {}", position, size());
  uint16_t source = choices_[size_t(position)];
  int64_t block = position / kBlock;
  auto from = choices_.begin() + block * kBlock, to = choices_.begin() + position;
  return {source, counts_[size_t(block) * sources_ + source] + std::count(from, to, source)};
}

std::vector<int64_t> Mixture::used(int64_t positions) const {
  check(positions >= 0 && positions <= size(), "[mixture] {} of {} samples", positions, size());
  std::vector<int64_t> out(sources_);
  if (positions == 0) return out;
  int64_t block = (positions - 1) / kBlock;
  std::copy_n(counts_.begin() + block * int64_t(sources_), sources_, out.begin());
  for (int64_t p = block * kBlock; p < positions; ++p) ++out[choices_[size_t(p)]];
  return out;
}

}  // namespace slm
