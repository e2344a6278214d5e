#include "backend/cpu/cpu_backend.h"
#include "util/error.h"

namespace slm::cpu {

void CpuBackend::cross_entropy(const CrossEntropyArgs& a) {
  check(a.logits.dtype() == DType::kF32, "[cpu] cross entropy works on f32 logits, these are {}",
        traits(a.logits.dtype()).name);
  int64_t vocab = a.logits.dim(-1);
  CrossEntropyRows rows{.logits = a.logits.data<float>(),
                        .targets = a.targets.data<const int32_t>(),
                        .losses = a.losses.data<float>(),
                        .vocab = vocab,
                        .z_loss = a.z_loss,
                        .gradient = a.gradient,
                        .gradient_scale = a.gradient_scale};
  share(a.targets.elements(), 4096 / vocab + 1,
        [&](int64_t begin, int64_t end) { kernels_.cross_entropy(rows, begin, end); });
}

}  // namespace slm::cpu
