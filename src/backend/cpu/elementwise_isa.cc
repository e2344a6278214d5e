#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/vec.h"

namespace slm::cpu::SLM_ISA {

void widen(Format from, const void* in, float scale, float* out, int64_t n) {
  with_format(from, [&](auto format) {
    using T = decltype(format);
    auto* p = static_cast<const typename T::Stored*>(in);
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) store(out + i, scale * T::load(p + i));
    if (i < n) store_part(out + i, scale * load_part_of<T>(p + i, n - i), n - i);
  });
}

template <class T>
static void narrow_to(const float* in, uint16_t* out, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_as(out + i, T::narrow(load(in + i)));
  if (i == n) return;
  HalfVec last = T::narrow(load_part(in + i, n - i));
  for (int64_t j = i; j < n; ++j) out[j] = last[j - i];
}

void narrow(Format to, const float* in, void* out, int64_t n) {
  switch (to) {
    case Format::kF32:
      return accumulate(1, in, {static_cast<float*>(out), 0}, n);
    case Format::kBF16:
      return narrow_to<BF16>(in, static_cast<uint16_t*>(out), n);
    case Format::kF16:
      return narrow_to<F16>(in, static_cast<uint16_t*>(out), n);
  }
}

void accumulate(float alpha, const float* x, Output out, int64_t n) {
  strips(n, [&](auto s) { s.store(out, alpha * s.load(x)); });
}

void add(float alpha, const float* a, const float* b, float* y, int64_t n) {
  strips(n, [&](auto s) { s.store(y, alpha * s.load(a) + s.load(b)); });
}

double sum_squares(const float* x, int64_t n) {
  using Half = float __attribute__((vector_size(SLM_VECTOR_BYTES / 2)));
  using Doubles = double __attribute__((vector_size(SLM_VECTOR_BYTES)));
  constexpr int kHalf = kLanes / 2, kChains = 4;
  Doubles sums[kChains] = {};
  int64_t i = 0;
  for (; i + kChains * kHalf <= n; i += kChains * kHalf)
    for (int c = 0; c < kChains; ++c) {
      auto v = __builtin_convertvector(load_as<Half>(x + i + c * kHalf), Doubles);
      sums[c] += v * v;
    }
  double total = 0;
  for (; i < n; ++i) total += double(x[i]) * double(x[i]);
  Doubles all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int lane = 0; lane < kHalf; ++lane) total += all[lane];
  return total;
}

// Sums of 64 rows are added up: an error that grows with rows / 64, not with rows.
void column_sum(const float* x, int64_t rows, int64_t stride, Output out, int64_t n) {
  constexpr int64_t kRun = 64;
  strips(n, [&](auto s) {
    Vec total{};
    for (int64_t begin = 0; begin < rows; begin += kRun) {
      int64_t end = begin + kRun < rows ? begin + kRun : rows;
      Vec run{};
      for (int64_t r = begin; r < end; ++r) run += s.load(x + r * stride);
      total += run;
    }
    s.store(out, total);
  });
}

void adamw(const AdamWStep& a, int64_t begin, int64_t end) {
  float* __restrict value = a.value;
  float* __restrict m = a.m;
  float* __restrict v = a.v;
  const float* __restrict grad = a.grad;
  for (int64_t i = begin; i < end; ++i) {
    float g = a.grad_scale * grad[i];
    m[i] = a.beta1 * m[i] + a.one_minus_beta1 * g;
    v[i] = a.beta2 * v[i] + a.one_minus_beta2 * (g * g);
    float root = __builtin_sqrtf(v[i]) * a.inv_sqrt_bias2 + a.eps;
    value[i] -= a.step_size * m[i] / root + a.decay * value[i];
  }
}

}  // namespace slm::cpu::SLM_ISA
