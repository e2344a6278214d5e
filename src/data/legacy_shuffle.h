// NumPy's legacy generator (RandomState) as far as shuffling needs it: MT19937 and rejection under
// a bit mask. std::shuffle is not portable; this gives the same order everywhere, and the order
// that data sets prepared with NumPy have always had.
#pragma once

#include <bit>
#include <cstdint>
#include <random>
#include <span>
#include <utility>

namespace slm {

class LegacyShuffler {
 public:
  explicit LegacyShuffler(uint32_t seed) : words_(seed) {}

  // Uniform in [0, max].
  uint64_t bounded(uint64_t max) {
    if (max == 0) return 0;  // draws nothing
    uint64_t mask = ~uint64_t{0} >> std::countl_zero(max);
    while (true) {
      uint64_t value = words_();
      if (max > 0xffffffff) value = value << 32 | words_();
      if ((value &= mask) <= max) return value;
    }
  }

  // Continues with the same generator from call to call.
  template <class T>
  void shuffle(std::span<T> items) {
    for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[size_t(bounded(i))]);
  }

 private:
  std::mt19937 words_;
};

}  // namespace slm
