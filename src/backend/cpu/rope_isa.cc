#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {

// Pair i of a head is (x[i], x[i + far]) in halves and (x[2 i], x[2 i + 1]) interleaved.
template <bool kInterleaved, bool kAdd>
static void rotate_head(const float* __restrict x, const float* __restrict cos,
                        const float* __restrict sin, float sign, float beta, int64_t half,
                        float* __restrict y) {
  constexpr int64_t kStep = kInterleaved ? 2 : 1;
  int64_t far = kInterleaved ? 1 : half;
  for (int64_t i = 0; i < half; ++i) {
    float a = x[kStep * i], b = x[kStep * i + far], c = cos[i], s = sign * sin[i];
    float first = a * c - b * s, second = b * c + a * s;
    y[kStep * i] = kAdd ? beta * y[kStep * i] + first : first;
    y[kStep * i + far] = kAdd ? beta * y[kStep * i + far] + second : second;
  }
}

template <bool kInterleaved, bool kAdd>
static void rotate_tokens(const RopeRows& a, int64_t begin, int64_t end) {
  int64_t half = a.dims / 2;
  for (int64_t t = begin; t < end; ++t) {
    const float *cos = a.table + t * a.dims, *sin = cos + half;
    for (int64_t h = 0; h < a.heads; ++h) {
      int64_t at = (t * a.heads + h) * a.head_size;
      rotate_head<kInterleaved, kAdd>(a.x + at, cos, sin, a.inverse ? -1.0f : 1.0f, a.beta, half,
                                      a.y + at);
      accumulate(1, a.x + at + a.dims, {a.y + at + a.dims, a.beta}, a.head_size - a.dims);
    }
  }
}

void rope(const RopeRows& a, int64_t begin, int64_t end) {
  bool add = a.beta != 0;
  if (a.interleaved)
    add ? rotate_tokens<true, true>(a, begin, end) : rotate_tokens<true, false>(a, begin, end);
  else
    add ? rotate_tokens<false, true>(a, begin, end) : rotate_tokens<false, false>(a, begin, end);
}

}  // namespace slm::cpu::SLM_ISA
