// What the attention kernels are given, and what they all agree on: which keys a query sees, and
// which probabilities dropout keeps.
#pragma once

#include <cstdint>

#include "backend/arguments.h"
#include "backend/cuda/attention_work.h"
#include "backend/cuda/numbers.cuh"
#include "backend/cuda/random.cuh"

namespace slm::cuda {

// Value e of head h of token t is element (t - first) * token + h * head + e.
struct HeadRows {
  const void* data = nullptr;
  int64_t token = 0, head = 0, first = 0;

  __device__ int64_t element(int64_t t, int h) const { return (t - first) * token + h * head; }

  template <class T>
  __device__ const T* at(int64_t t, int h) const {
    return static_cast<const T*>(data) + element(t, h);
  }
};

struct KeptProbabilities {
  bool all = true;    // no dropout
  uint32_t last = 0;  // a word drops when it is at most this
  float factor = 1;   // of those that are kept
  uint64_t seed = 0, stream = 0, first_row = 0;

  // The four words for keys key .. key + 3 of a query row; key is a multiple of 4.
  __device__ RandomBlock words(int64_t row, int head, int key) const {
    uint64_t counter = (first_row + uint64_t(row)) << kAttentionKeyBits | uint64_t(key / 4);
    return random_block(seed, stream + uint64_t(head), counter);
  }
  __device__ bool keeps(int64_t row, int head, int key) const {
    return words(row, head, key & ~3).at(key & 3) > last;
  }
};

struct AttentionView {
  HeadRows q, k, v;
  int heads, group, size;  // query heads, those that share a kv head, values of a head
  float scale;
  int window;           // the largest int without one
  const float* slopes;  // null: none
  KeptProbabilities kept;

  __device__ float slope(int head) const { return slopes ? slopes[head] : 0; }
  __device__ bool sees(int position, int key) const {
    return unsigned(position - key) < unsigned(window);
  }
  // Of queries at first .. last and keys key .. last_key: none is seen, not all are seen.
  __device__ bool hidden(int first, int last, int key, int last_key) const {
    return key > last || first - last_key >= window;
  }
  __device__ bool masked(int first, int last, int key, int last_key) const {
    return last_key > first || last - key >= window;
  }
};

__device__ constexpr int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }

constexpr float kLog2E = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

}  // namespace slm::cuda
