#include "backend/cpu/cpu_backend.h"

namespace slm::cpu {
namespace {

constexpr int64_t kGrain = 1 << 12;

const float* part(const float* data, int64_t begin) { return data ? data + begin : nullptr; }

Output part(Output out, int64_t begin) { return {out.data ? out.data + begin : nullptr, out.beta}; }

}  // namespace

void CpuBackend::activation_forward(const ActivationArgs& a) {
  Input x(*this, a.x), up(*this, a.up);
  Result y(*this, a.y);
  share_values(a.x.elements(), kGrain, [&](int64_t begin, int64_t end) {
    kernels_.activation_forward(a.kind, x + begin, part(up, begin), y.data() + begin, end - begin);
  });
}

void CpuBackend::activation_backward(const ActivationArgs& a, const ActivationGrads& g) {
  Input x(*this, a.x), up(*this, a.up), dy(*this, g.dy);
  Result dx(*this, g.dx), dup(*this, g.dup, {&dx});
  share_values(a.x.elements(), kGrain, [&](int64_t begin, int64_t end) {
    kernels_.activation_backward(a.kind, x + begin, part(up, begin), dy + begin, part(dx, begin),
                                 part(dup, begin), end - begin);
  });
}

void CpuBackend::clip(const ClipArgs& a) {
  if (!a.y) return;
  Input x(*this, a.x), dy(*this, a.dy);
  Result y(*this, a.y);
  share_values(a.x.elements(), kGrain, [&](int64_t begin, int64_t end) {
    kernels_.clip(x + begin, part(dy, begin), a.limit, part(y, begin), end - begin);
  });
}

}  // namespace slm::cpu
