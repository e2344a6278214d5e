#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/each.cuh"
#include "backend/cuda/elementwise.h"

namespace slm::cuda {
namespace {

struct Accumulate {
  float alpha;
  Floats x;
  FloatSlot y;

  __device__ void operator()(int64_t i, int64_t n) const {
    float values[8];
    load8(x, i, n, values);
#pragma unroll
    for (float& v : values) v *= alpha;
    store8(y, i, n, values);
  }
};

struct Add {
  float alpha;
  Floats a, b, y;

  __device__ void operator()(int64_t i, int64_t n) const {
    float values[8], more[8];
    load8(b, i, n, values);
    load8(a, i, n, more);
#pragma unroll
    for (int j = 0; j < 8; ++j) values[j] += alpha * more[j];
    store8(y, i, n, values);
  }
};

struct ScaleAndAddBias {
  Floats bias;
  int64_t columns;
  FloatSlot c;

  __device__ void operator()(int64_t i, int64_t n) const {
    float values[8] = {}, one[8];
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      int64_t column = (i + j) % columns;
      if (bias && i + j < n) load8(bias, column, column + 1, one), values[j] = one[0];
    }
    store8(c, i, n, values);
  }
};

struct Clip {
  Floats x, dy;
  float limit;
  FloatSlot y;

  __device__ void operator()(int64_t i, int64_t n) const {
    float values[8], passed[8];
    load8(x, i, n, values);
    if (dy) load8(dy, i, n, passed);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      float v = values[j];
      values[j] = dy ? (fabsf(v) <= limit ? passed[j] : 0.0f) : fminf(fmaxf(v, -limit), limit);
    }
    store8(y, i, n, values);
  }
};

}  // namespace

void convert(CudaContext& cx, const Tensor& from, const Tensor& to) {
  each8(cx, to.elements(), Accumulate{1, floats(from), {floats(to), 0}});
}

Tensor as_type(CudaContext& cx, const Tensor& t, DType dtype) {
  if (!t || t.dtype() == dtype) return t;
  Tensor copy = cx.empty(t.shape(), dtype);
  convert(cx, t, copy);
  return copy;
}

void accumulate(CudaContext& cx, float alpha, const Tensor& x, const GradSlot& into) {
  each8(cx, x.elements(), Accumulate{alpha, floats(x), floats(into)});
}

void scale_and_add_bias(CudaContext& cx, const Tensor& bias, const GradSlot& c) {
  each8(cx, c.grad.elements(), ScaleAndAddBias{floats(bias), c.grad.dim(-1), floats(c)});
}

void CudaBackend::add(const AddArgs& a) {
  each8(context_, a.y.elements(), Add{a.alpha, floats(a.a), floats(a.b), floats(a.y)});
}

void CudaBackend::accumulate(float alpha, const Tensor& x, const GradSlot& into) {
  cuda::accumulate(context_, alpha, x, into);
}

void CudaBackend::clip(const ClipArgs& a) {
  each8(context_, a.x.elements(), Clip{floats(a.x), floats(a.dy), a.limit, floats(a.y)});
}

}  // namespace slm::cuda
