#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/each.cuh"

namespace slm::cuda {
namespace {

struct Point {
  float value, slope;
};

// 1 / (1 + exp(-x)), and what is left to 1, neither of them a difference.
struct Sigmoid {
  float value, rest;
};
__device__ Sigmoid sigmoid(float x) {
  float e = expf(-fabsf(x)), larger = 1 / (1 + e), smaller = e * larger;
  return x < 0 ? Sigmoid{smaller, larger} : Sigmoid{larger, smaller};
}

// x sigmoid(c x)
__device__ Point swish(float x, float c) {
  Sigmoid s = sigmoid(c * x);
  return {x * s.value, s.value + c * x * s.value * s.rest};
}

__device__ Point gelu(float x) {
  constexpr float kInverseRoot2 = 0.70710678f, kInverseRoot2Pi = 0.39894228f;
  float cumulative = 0.5f * erfcf(-x * kInverseRoot2);
  float density = kInverseRoot2Pi * expf(-0.5f * x * x);
  return {x * cumulative, cumulative + x * density};
}

// 0.5 x (1 + tanh u) = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3)
__device__ Point gelu_tanh(float x) {
  constexpr float kTwoRoot = 1.59576912f, kCubic = 0.044715f;
  Sigmoid s = sigmoid(x * (kTwoRoot + kTwoRoot * kCubic * x * x));
  float slope = kTwoRoot + 3 * kTwoRoot * kCubic * x * x;
  return {x * s.value, s.value + s.value * s.rest * (x * slope)};
}

__device__ Point evaluate(Activation kind, float x) {
  switch (kind) {
    case Activation::kSilu:
      return swish(x, 1);
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluTanh:
      return gelu_tanh(x);
    case Activation::kQuickGelu:
      return swish(x, 1.702f);
    case Activation::kRelu:
      return {x > 0 ? x : 0, x > 0 ? 1.0f : 0.0f};
  }
  return {};
}

struct Forward {
  Activation kind;
  Floats x, up, y;

  __device__ void operator()(int64_t i, int64_t n) const {
    float values[8], factors[8];
    load8(x, i, n, values);
    if (up) load8(up, i, n, factors);
#pragma unroll
    for (int j = 0; j < 8; ++j) values[j] = evaluate(kind, values[j]).value * (up ? factors[j] : 1);
    store8(y, i, n, values);
  }
};

struct Backward {
  Activation kind;
  Floats x, up, dy;
  FloatSlot dx, dup;

  __device__ void operator()(int64_t i, int64_t n) const {
    float values[8], factors[8], d[8], d_up[8];
    load8(x, i, n, values);
    load8(dy, i, n, d);
    if (up) load8(up, i, n, factors);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      Point act = evaluate(kind, values[j]);
      d_up[j] = d[j] * act.value;
      d[j] *= act.slope * (up ? factors[j] : 1);
    }
    store8(dx, i, n, d);
    store8(dup, i, n, d_up);
  }
};

}  // namespace

void CudaBackend::activation_forward(const ActivationArgs& a) {
  each8(context_, a.x.elements(), Forward{a.kind, floats(a.x), floats(a.up), floats(a.y)});
}

void CudaBackend::activation_backward(const ActivationArgs& a, const ActivationGrads& g) {
  each8(context_, a.x.elements(),
        Backward{a.kind, floats(a.x), floats(a.up), floats(g.dy), floats(g.dx), floats(g.dup)});
}

}  // namespace slm::cuda
