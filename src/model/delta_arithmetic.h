// Sums and differences of f16 numbers, and what sums tell about where a difference came from.
#pragma once

#include <cstdint>
#include <span>

#include "util/thread_pool.h"

namespace slm {

// Let d = f16(t - b) for f16 numbers t and b, and look only at elements with |d| < |b| whose sum
// with b has a larger exponent than b. There t lies on a coarser grid than b, t - b is a multiple
// of b's spacing and has few enough digits to be exact, so b + d is t: exactly an f16 number, every
// time. With another base b' in place of b it is one about every second time only. So a few hundred
// such elements show whether a delta belongs to a base, even to one that differs by little.
struct BaseEvidence {
  int64_t sums = 0;       // of that kind
  int64_t inexact = 0;    // of those, not f16 numbers before rounding
  int64_t overflows = 0;  // results that are not finite, of any kind

  void add(const BaseEvidence& other) {
    sums += other.sums, inexact += other.inexact, overflows += other.overflows;
  }
  // Enough sums, and more of them inexact than an odd one.
  bool contradicts() const { return sums >= 64 && inexact * 10 > sums; }
};

// sum[i] = f16(base[i] + delta[i]), all spans of one size.
BaseEvidence add_f16(std::span<const uint16_t> base, std::span<const uint16_t> delta,
                     std::span<uint16_t> sum, ThreadPool& pool);

// difference[i] = f16(target[i] - base[i]); returns how many target[i] a later sum will not give
// back exactly.
int64_t subtract_f16(std::span<const uint16_t> target, std::span<const uint16_t> base,
                     std::span<uint16_t> difference, ThreadPool& pool);

}  // namespace slm
