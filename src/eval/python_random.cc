#include "eval/python_random.h"

#include <bit>
#include <numeric>
#include <unordered_set>

#include "util/error.h"

namespace slm {
namespace {

// Parameters of MT19937 (Matsumoto and Nishimura, 1998) and of its seeding by a list of words.
constexpr int kShift = 397;
constexpr uint32_t kTwist = 0x9908b0df, kUpper = 0x80000000, kLower = 0x7fffffff;
constexpr uint32_t kArraySeed = 19650218, kFill = 1812433253, kMixA = 1664525, kMixB = 1566083941;

}  // namespace

PythonRandom::PythonRandom(uint64_t seed) {
  const uint32_t key[2] = {uint32_t(seed), uint32_t(seed >> 32)};
  const int length = key[1] != 0 ? 2 : 1;
  state_[0] = kArraySeed;
  for (int i = 1; i < kWords; ++i)
    state_[i] = kFill * (state_[i - 1] ^ (state_[i - 1] >> 30)) + uint32_t(i);

  int i = 1;
  auto mixed = [&](uint32_t factor) {
    return state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * factor);
  };
  auto advance = [&] {
    if (++i < kWords) return;
    state_[0] = state_[kWords - 1];
    i = 1;
  };
  for (int k = 0; k < kWords; ++k, advance())
    state_[i] = mixed(kMixA) + key[k % length] + uint32_t(k % length);
  for (int k = 1; k < kWords; ++k, advance()) state_[i] = mixed(kMixB) - uint32_t(i);
  state_[0] = kUpper;
}

void PythonRandom::refill() {
  for (int i = 0; i < kWords; ++i) {
    uint32_t y = (state_[i] & kUpper) | (state_[(i + 1) % kWords] & kLower);
    state_[i] = state_[(i + kShift) % kWords] ^ (y >> 1) ^ (y & 1 ? kTwist : 0);
  }
  at_ = 0;
}

uint32_t PythonRandom::next() {
  if (at_ == kWords) refill();
  uint32_t y = state_[at_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >> 18);
}

double PythonRandom::random() {
  uint32_t a = next() >> 5, b = next() >> 6;
  return (double(a) * 67108864 + double(b)) / 9007199254740992;
}

// As many bits as n itself has, drawn again until they are below it.
uint64_t PythonRandom::below(uint64_t n) {
  check(n >= 1 && n <= UINT32_MAX, "random number below {}", n);
  const int bits = std::bit_width(n);
  uint64_t r;
  do r = next() >> (32 - bits);
  while (r >= n);
  return r;
}

std::vector<int64_t> PythonRandom::sample(int64_t n, int64_t count) {
  check(count >= 0 && count <= n, "cannot draw {} of {}", count, n);
  // Python decides by what a set of so many would take in memory, and the two ways draw
  // different numbers.
  int64_t set_size = 21;
  if (count > 5) {
    int64_t power = 1;
    while (power < 3 * count) power *= 4;
    set_size += power;
  }
  std::vector<int64_t> drawn;
  drawn.reserve(size_t(count));
  if (n <= set_size) {
    std::vector<int64_t> pool(static_cast<size_t>(n));
    std::iota(pool.begin(), pool.end(), 0);
    for (int64_t i = 0; i < count; ++i) {
      size_t j = below(uint64_t(n - i));
      drawn.push_back(pool[j]);
      pool[j] = pool[size_t(n - i - 1)];
    }
    return drawn;
  }
  std::unordered_set<int64_t> seen;
  while (std::ssize(drawn) < count)
    if (auto j = int64_t(below(uint64_t(n))); seen.insert(j).second) drawn.push_back(j);
  return drawn;
}

}  // namespace slm
