#include <cmath>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/each.cuh"

namespace slm::cuda {
namespace {

struct AdamW {
  Floats value, grad, m, v, working;
  float grad_scale, beta1, one_minus_beta1, beta2, one_minus_beta2;
  float step_size, inv_sqrt_bias2, eps, decay;

  __device__ void operator()(int64_t i, int64_t n) const {
    float x[8], g[8], mean[8], square[8];
    load8(value, i, n, x);
    load8(grad, i, n, g);
    load8(m, i, n, mean);
    load8(v, i, n, square);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      float d = grad_scale * g[j];
      mean[j] = beta1 * mean[j] + one_minus_beta1 * d;
      square[j] = beta2 * square[j] + one_minus_beta2 * d * d;
      float direction = step_size * mean[j] / (sqrtf(square[j]) * inv_sqrt_bias2 + eps);
      x[j] -= direction + decay * x[j];
    }
    store8(m, i, n, mean);
    store8(v, i, n, square);
    store8(value, i, n, x);
    if (working) store8(working, i, n, x);
  }
};

}  // namespace

void CudaBackend::adamw(const AdamWArgs& a) {
  for (const Tensor* t : {&a.value, &a.grad, &a.m, &a.v})
    check(t->dtype() == DType::kF32, "[cuda] adamw works on f32, this is {}",
          traits(t->dtype()).name);
  auto step = double(a.step);
  each8(context_, a.value.elements(),
        AdamW{.value = floats(a.value),
              .grad = floats(a.grad),
              .m = floats(a.m),
              .v = floats(a.v),
              .working = floats(a.working),
              .grad_scale = a.grad_scale,
              .beta1 = float(a.beta1),
              .one_minus_beta1 = float(1 - a.beta1),
              .beta2 = float(a.beta2),
              .one_minus_beta2 = float(1 - a.beta2),
              .step_size = float(a.lr / (1 - std::pow(a.beta1, step))),
              .inv_sqrt_bias2 = float(1 / std::sqrt(1 - std::pow(a.beta2, step))),
              .eps = float(a.eps),
              .decay = float(a.lr * a.weight_decay)});
}

}  // namespace slm::cuda
