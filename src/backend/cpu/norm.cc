#include <algorithm>

#include "backend/cpu/cpu_backend.h"

namespace slm::cpu {

void CpuBackend::norm_forward(const NormArgs& a) {
  Input x(*this, a.x), w(*this, a.w), b(*this, a.b);
  Result y(*this, a.y);
  int64_t channels = a.x.dim(-1), groups = a.w.elements() / channels;
  NormRows rows{x,
                w,
                b,
                y.data(),
                a.stats ? a.stats.data<float>() : nullptr,
                channels,
                groups,
                a.spec.eps,
                a.spec.kind == NormSpec::kLayer};
  share(a.x.elements() / channels, 4096 / channels + 1,
        [&](int64_t begin, int64_t end) { kernels_.norm_forward(rows, begin, end); });
}

// The weights' gradients are summed over fixed runs of rows first, then over the runs in order.
void CpuBackend::norm_backward(const NormArgs& a, const NormGrads& g) {
  Input x(*this, a.x), w(*this, a.w), dy(*this, g.dy);
  Result dx(*this, g.dx), dw(*this, g.dw), db(*this, g.db);
  int64_t channels = a.x.dim(-1), weights = a.w.elements(), groups = weights / channels;
  NormBackRows rows{x,        w,      a.stats.data<float>(),          dy, dx.data(), g.dx.beta,
                    channels, groups, a.spec.kind == NormSpec::kLayer};
  int64_t count = a.x.elements() / channels;
  int64_t run = std::max<int64_t>(16, (count + 63) / 64), runs = (count + run - 1) / run;
  std::shared_ptr<float> sums = scratch(2 * runs * weights);
  float *dw_sums = sums.get(), *db_sums = sums.get() + runs * weights;
  jobs(runs, [&](int64_t i) {
    float* dw_run = dw.data() ? dw_sums + i * weights : nullptr;
    float* db_run = db.data() ? db_sums + i * weights : nullptr;
    if (dw_run) std::fill_n(dw_run, weights, 0.0f);
    if (db_run) std::fill_n(db_run, weights, 0.0f);
    kernels_.norm_backward(rows, dw_run, db_run, i * run, std::min(count, (i + 1) * run));
  });
  if (dw.data()) kernels_.column_sum(dw_sums, runs, weights, dw, weights);
  if (db.data()) kernels_.column_sum(db_sums, runs, weights, db, weights);
}

}  // namespace slm::cpu
