#include "util/rng.h"

#include <cmath>
#include <numbers>

namespace slm {

std::array<uint32_t, 4> Rng::block(uint64_t counter) const {
  std::array<uint32_t, 4> x{uint32_t(counter), uint32_t(counter >> 32), uint32_t(stream_),
                            uint32_t(stream_ >> 32)};
  uint32_t k0 = uint32_t(seed_), k1 = uint32_t(seed_ >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t{0xD2511F53} * x[0], b = uint64_t{0xCD9E8D57} * x[2];
    x = {uint32_t(b >> 32) ^ x[1] ^ k0, uint32_t(b), uint32_t(a >> 32) ^ x[3] ^ k1, uint32_t(a)};
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  return x;
}

uint32_t Rng::next_u32() {
  uint64_t at = position_++;
  return block(at / 4)[at % 4];
}

double Rng::uniform() {
  uint64_t high = next_u32(), low = next_u32();
  return double((high << 32 | low) >> 11) * 0x1p-53;
}

double Rng::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double radius = std::sqrt(-2 * std::log(1 - uniform())), angle = 2 * std::numbers::pi * uniform();
  has_spare_ = true;
  spare_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

uint64_t hash_name(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325;
  for (unsigned char c : name) h = (h ^ c) * 0x100000001b3;
  return h;
}

}  // namespace slm
