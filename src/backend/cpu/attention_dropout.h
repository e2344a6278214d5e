// Dropout of attention probabilities: the generator of util/rng.h, a query per lane.
#pragma once

#include "backend/cpu/attention_block.h"

namespace slm::cpu::SLM_ISA {

struct WideProduct {
  UVec high, low;
};
inline WideProduct multiply_wide(UVec a, uint64_t factor) {
  using Pairs = uint64_t __attribute__((vector_size(SLM_VECTOR_BYTES)));
  constexpr uint64_t kLow = 0xffffffff;
  Pairs even = (Pairs(a) & kLow) * factor, odd = (Pairs(a) >> 32) * factor;
  return {UVec(even >> 32 | (odd & ~kLow)), UVec((even & kLow) | odd << 32)};
}

// Rng(seed, stream).block(counter), with the two halves of a counter in each lane.
struct RandomWords {
  UVec at[4];

  RandomWords(uint64_t seed, uint64_t stream, UVec low, UVec high)
      : at{low, high, UVec{} + uint32_t(stream), UVec{} + uint32_t(stream >> 32)} {
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      WideProduct a = multiply_wide(at[0], 0xD2511F53), b = multiply_wide(at[2], 0xCD9E8D57);
      at[0] = b.high ^ at[1] ^ k0;
      at[1] = b.low;
      at[2] = a.high ^ at[3] ^ k1;
      at[3] = a.low;
      k0 += 0x9E3779B9, k1 += 0xBB67AE85;
    }
  }
};

// values[key, query] of a meeting, [keys, kBlock], becomes what dropout leaves of it. `query` is
// the first one's place in the segment.
inline void drop(const Meeting& m, const ProbabilityDropout& d, int64_t head, int64_t query,
                 float* values) {
  for (int64_t lane = 0; lane < m.queries; lane += kLanes) {
    UVec low{}, high{};
    for (int i = 0; i < kLanes; ++i) {
      uint64_t row = (d.first_row + uint64_t(query + lane + i)) << d.key_bits;
      low[i] = uint32_t(row);
      high[i] = uint32_t(row >> 32);
    }
    for (int64_t j = 0; j < m.keys; j += 4) {
      uint32_t block = uint32_t((m.first_key + j) / 4);
      RandomWords words(d.seed, d.stream + uint64_t(head), low | block, high);
      for (int64_t i = 0; i < 4 && j + i < m.keys; ++i) {
        float* at = values + (j + i) * kBlock + lane;
        store(at, words.at[i] <= d.last ? Vec{} : load(at) * d.kept);
      }
    }
  }
}

}  // namespace slm::cpu::SLM_ISA
