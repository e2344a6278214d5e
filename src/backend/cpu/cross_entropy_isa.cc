#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/vec_math.h"

namespace slm::cpu::SLM_ISA {

static float row_max(const float* x, int64_t n) {
  Vec top = splat(x[0]);
  strips(n, [&](auto s) { top = max(top, s.only(s.load(x), x[0])); });
  return max_lanes(top);
}

// Sums e^(x - top), and leaves the terms in x when asked.
static float sum_exp(float* x, int64_t n, float top, bool keep) {
  Vec sum{};
  strips(n, [&](auto s) {
    Vec e = s.only(exp(s.load(x) - top));
    if (keep) s.store(x, e);
    sum += e;
  });
  return sum_lanes(sum);
}

static void cross_entropy_row(const CrossEntropyRows& a, int64_t r) {
  float* x = a.logits + r * a.vocab;
  int32_t target = a.targets[r];
  if (target < 0) {
    a.losses[r] = 0;
    if (a.gradient) strips(a.vocab, [&](auto s) { s.store(x, Vec{}); });
    return;
  }
  float at_target = x[target], top = row_max(x, a.vocab);
  float sum = sum_exp(x, a.vocab, top, a.gradient);
  float log_sum = top + __builtin_logf(sum);
  a.losses[r] = (top - at_target) + __builtin_logf(sum) + a.z_loss * log_sum * log_sum;
  if (!a.gradient) return;
  float p = x[target] / sum, pull = 2 * a.z_loss * log_sum;
  float scale = a.gradient_scale * (1 + pull) / sum;
  strips(a.vocab, [&](auto s) { s.store(x, scale * s.load(x)); });
  x[target] = a.gradient_scale * ((p - 1) + pull * p);
}

void cross_entropy(const CrossEntropyRows& a, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) cross_entropy_row(a, r);
}

}  // namespace slm::cpu::SLM_ISA
