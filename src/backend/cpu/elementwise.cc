#include <cmath>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "util/error.h"

namespace slm::cpu {
namespace {

constexpr int64_t kGrain = 1 << 13;

}  // namespace

void CpuBackend::copy(const Tensor& from, const Tensor& to) {
  if (from.dtype() == to.dtype()) {
    share_values(from.bytes(), 4 * kGrain, [&](int64_t begin, int64_t end) {
      std::copy(from.bytes_data() + begin, from.bytes_data() + end, to.bytes_data() + begin);
    });
    return;
  }
  Input x(*this, from);
  const DTypeTraits& type = traits(to.dtype());
  int64_t size = type.block_bytes;
  if (to.quantized())
    return share(from.elements() / type.block_elems, kGrain / 8 / type.block_elems,
                 [&](int64_t begin, int64_t end) {
                   type.from_f32(x + begin * type.block_elems, to.bytes_data() + begin * size,
                                 (end - begin) * type.block_elems);
                 });
  Format format = format_of(to);
  share_values(from.elements(), kGrain, [&](int64_t begin, int64_t end) {
    kernels_.narrow(format, x + begin, to.bytes_data() + begin * size, end - begin);
  });
}

void CpuBackend::add(const AddArgs& a) {
  Input x(*this, a.a), b(*this, a.b);
  Result y(*this, a.y);
  share_values(a.y.elements(), kGrain, [&](int64_t begin, int64_t end) {
    kernels_.add(a.alpha, x + begin, b + begin, y.data() + begin, end - begin);
  });
}

void CpuBackend::accumulate(float alpha, const Tensor& t, const GradSlot& into) {
  Input x(*this, t);
  Result y(*this, into);
  share_values(t.elements(), kGrain, [&](int64_t begin, int64_t end) {
    kernels_.accumulate(alpha, x + begin, {y.data() + begin, into.beta}, end - begin);
  });
}

double CpuBackend::sum_squares(const Tensor& t) {
  constexpr int64_t kBlock = 1 << 16;
  Input x(*this, t);
  int64_t n = t.elements(), blocks = (n + kBlock - 1) / kBlock;
  std::vector<double> sums(size_t(blocks), 0.0);
  share(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      sums[size_t(b)] = kernels_.sum_squares(x + b * kBlock, std::min(kBlock, n - b * kBlock));
  });
  double total = 0;
  for (double s : sums) total += s;
  return total;
}

void CpuBackend::column_sum(const ColumnSumArgs& a) {
  Input x(*this, a.x);
  Result grad(*this, a.grad);
  int64_t columns = a.grad.grad.elements(), rows = columns ? a.x.elements() / columns : 0;
  share_values(columns, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, rows)),
               [&](int64_t begin, int64_t end) {
                 kernels_.column_sum(x + begin, rows, columns, {grad.data() + begin, a.grad.beta},
                                     end - begin);
               });
}

void CpuBackend::adamw(const AdamWArgs& a) {
  for (const Tensor* t : {&a.value, &a.grad, &a.m, &a.v})
    check(t->dtype() == DType::kF32, "[cpu] adamw works on f32, this is {}",
          traits(t->dtype()).name);
  AdamWStep step{.value = a.value.data<float>(),
                 .m = a.m.data<float>(),
                 .v = a.v.data<float>(),
                 .grad = a.grad.data<float>(),
                 .grad_scale = a.grad_scale,
                 .beta1 = float(a.beta1),
                 .one_minus_beta1 = float(1 - a.beta1),
                 .beta2 = float(a.beta2),
                 .one_minus_beta2 = float(1 - a.beta2),
                 .step_size = float(a.lr / (1 - std::pow(a.beta1, double(a.step)))),
                 .inv_sqrt_bias2 = float(1 / std::sqrt(1 - std::pow(a.beta2, double(a.step)))),
                 .eps = float(a.eps),
                 .decay = float(a.lr * a.weight_decay)};
  if (!a.working) {
    share_values(a.value.elements(), kGrain,
                 [&](int64_t begin, int64_t end) { kernels_.adamw(step, begin, end); });
    return;
  }
  Format format = format_of(a.working);
  int64_t size = traits(a.working.dtype()).block_bytes;
  share_values(a.value.elements(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += kGrain) {  // narrowed while it is in the first cache
      int64_t stop = std::min(end, at + kGrain);
      kernels_.adamw(step, at, stop);
      kernels_.narrow(format, step.value + at, a.working.bytes_data() + at * size, stop - at);
    }
  });
}

}  // namespace slm::cpu
