// The random numbers of Python's `random` module, bit for bit: the harness shuffles documents,
// draws examples and bootstraps with them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace slm {

class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);

  uint32_t next();             // 32 bits
  double random();             // [0, 1), 53 bits
  uint64_t below(uint64_t n);  // [0, n), n >= 1
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[below(i + 1)]);
  }
  // `count` different indices below n, in the order in which they are drawn. Error when n is less.
  std::vector<int64_t> sample(int64_t n, int64_t count);

 private:
  static constexpr int kWords = 624;
  void refill();

  std::array<uint32_t, kWords> state_;
  int at_ = kWords;
};

}  // namespace slm
