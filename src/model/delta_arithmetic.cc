#include "model/delta_arithmetic.h"

#include <cmath>
#include <mutex>

#include "core/dtype.h"

namespace slm {
namespace {

constexpr int64_t kGrain = int64_t{1} << 15;

int exponent(uint16_t bits) { return bits >> 10 & 31; }

BaseEvidence add_piece(const uint16_t* base, const uint16_t* delta, uint16_t* sum, int64_t n) {
  BaseEvidence evidence;
  for (int64_t i = 0; i < n; ++i) {
    float b = f16_to_f32(base[i]), d = f16_to_f32(delta[i]);
    uint16_t rounded = f32_to_f16(b + d);
    sum[i] = rounded;
    if (exponent(rounded) == 31) {
      ++evidence.overflows;
    } else if (exponent(base[i]) > 0 && exponent(rounded) > exponent(base[i]) &&
               std::fabs(d) < std::fabs(b)) {
      ++evidence.sums;
      evidence.inexact += double(f16_to_f32(rounded)) != double(b) + double(d);
    }
  }
  return evidence;
}

int64_t subtract_piece(const uint16_t* target, const uint16_t* base, uint16_t* difference,
                       int64_t n) {
  int64_t lost = 0;
  for (int64_t i = 0; i < n; ++i) {
    float b = f16_to_f32(base[i]);
    difference[i] = f32_to_f16(f16_to_f32(target[i]) - b);
    uint16_t back = f32_to_f16(b + f16_to_f32(difference[i]));
    lost += f16_to_f32(back) != f16_to_f32(target[i]);  // numbers: 0 and -0 are the same
  }
  return lost;
}

}  // namespace

BaseEvidence add_f16(std::span<const uint16_t> base, std::span<const uint16_t> delta,
                     std::span<uint16_t> sum, ThreadPool& pool) {
  BaseEvidence all;
  std::mutex mutex;
  pool.run(int64_t(sum.size()), kGrain, [&](int64_t begin, int64_t end) {
    BaseEvidence part =
        add_piece(base.data() + begin, delta.data() + begin, sum.data() + begin, end - begin);
    std::lock_guard hold(mutex);
    all.add(part);
  });
  return all;
}

int64_t subtract_f16(std::span<const uint16_t> target, std::span<const uint16_t> base,
                     std::span<uint16_t> difference, ThreadPool& pool) {
  int64_t lost = 0;
  std::mutex mutex;
  pool.run(int64_t(difference.size()), kGrain, [&](int64_t begin, int64_t end) {
    int64_t part = subtract_piece(target.data() + begin, base.data() + begin,
                                  difference.data() + begin, end - begin);
    std::lock_guard hold(mutex);
    lost += part;
  });
  return lost;
}

}  // namespace slm
