#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/vec.h"

namespace slm::cpu::SLM_ISA {

static float mean_of(const float* x, int64_t n) {
  Vec sum{};
  strips(n, [&](auto s) { sum += s.load(x); });
  return sum_lanes(sum) / float(n);
}

// The mean square of x - mean; two passes over a row that is in the first cache anyway.
static float variance_of(const float* x, int64_t n, float mean) {
  Vec sum{};
  strips(n, [&](auto s) {
    Vec d = s.only(s.load(x) - mean);
    sum += d * d;
  });
  return sum_lanes(sum) / float(n);
}

void norm_forward(const NormRows& a, int64_t begin, int64_t end) {
  int64_t n = a.channels;
  for (int64_t r = begin; r < end; ++r) {
    const float* x = a.x + r * n;
    const float* w = a.w + r % a.groups * n;
    const float* b = a.b ? a.b + r % a.groups * n : nullptr;
    float mean = a.centre ? mean_of(x, n) : 0;
    float scale = 1 / __builtin_sqrtf(variance_of(x, n, mean) + a.eps);
    strips(n, [&](auto s) {
      Vec y = (s.load(x) - mean) * scale * s.load(w);
      s.store(a.y + r * n, b ? y + s.load(b) : y);
    });
    if (a.stats) a.stats[2 * r] = mean, a.stats[2 * r + 1] = scale;
  }
}

// With u = (x - mean) / std and g = dy w: dx = (g - mean(g) - u mean(g u)) / std.
void norm_backward(const NormBackRows& a, float* dw_all, float* db_all, int64_t begin,
                   int64_t end) {
  int64_t n = a.channels;
  for (int64_t r = begin; r < end; ++r) {
    const float *x = a.x + r * n, *dy = a.dy + r * n, *w = a.w + r % a.groups * n;
    float* dw = dw_all ? dw_all + r % a.groups * n : nullptr;
    float* db = db_all ? db_all + r % a.groups * n : nullptr;
    float mean = a.stats[2 * r], scale = a.stats[2 * r + 1];
    Vec sum_g{}, sum_gu{};
    strips(n, [&](auto s) {
      Vec d = s.load(dy), u = s.only((s.load(x) - mean) * scale), g = d * s.load(w);
      sum_g += g;
      sum_gu += g * u;
      if (dw) s.store(dw, s.load(dw) + d * u);
      if (db) s.store(db, s.load(db) + d);
    });
    if (!a.dx) continue;
    float mean_g = a.centre ? sum_lanes(sum_g) / float(n) : 0;
    float mean_gu = sum_lanes(sum_gu) / float(n);
    strips(n, [&](auto s) {
      Vec u = (s.load(x) - mean) * scale, g = rounded(s.load(dy) * s.load(w));
      s.store(Output{a.dx + r * n, a.dx_beta}, (g - mean_g - u * mean_gu) * scale);
    });
  }
}

}  // namespace slm::cpu::SLM_ISA
