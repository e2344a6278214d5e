// The generator of util/rng.h on the device.
#pragma once

#include <cstdint>

namespace slm::cuda {

struct RandomBlock {
  uint32_t word[4];

  __device__ uint32_t at(int i) const {  // without memory, which an index would need
    uint32_t low = i & 1 ? word[1] : word[0], high = i & 1 ? word[3] : word[2];
    return i & 2 ? high : low;
  }
};

// Rng(seed, stream).block(counter)
__device__ inline RandomBlock random_block(uint64_t seed, uint64_t stream, uint64_t counter) {
  RandomBlock x{
      {uint32_t(counter), uint32_t(counter >> 32), uint32_t(stream), uint32_t(stream >> 32)}};
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t{0xD2511F53} * x.word[0], b = uint64_t{0xCD9E8D57} * x.word[2];
    x = {{uint32_t(b >> 32) ^ x.word[1] ^ k0, uint32_t(b), uint32_t(a >> 32) ^ x.word[3] ^ k1,
          uint32_t(a)}};
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  return x;
}

}  // namespace slm::cuda
