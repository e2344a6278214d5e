#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/vec_math.h"

namespace slm::cpu::SLM_ISA {

// act(x) and d act / dx.
struct Point {
  Vec value, slope;
};

// x sigmoid(k x)
struct Swish {
  float k;
  Vec value(Vec x) const { return x * sigmoid(k * x).value; }
  Point point(Vec x) const {
    Sigmoid s = sigmoid(k * x);
    return {x * s.value, s.value + k * x * (s.value * s.rest)};
  }
};

struct Gelu {
  Vec value(Vec x) const { return x * normal(x).cdf; }
  Point point(Vec x) const {
    Normal n = normal(x);
    return {x * n.cdf, n.cdf + x * n.bell * 0.398942280f};
  }
};

// 0.5 x (1 + tanh u) = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3)
struct GeluTanh {
  static constexpr float kTwoRoot = 1.59576912f, kCubic = 0.044715f;
  static Vec twice_u(Vec x) { return x * (kTwoRoot + kTwoRoot * kCubic * (x * x)); }
  Vec value(Vec x) const { return x * sigmoid(twice_u(x)).value; }
  Point point(Vec x) const {
    Sigmoid s = sigmoid(twice_u(x));
    Vec slope = kTwoRoot + 3 * kTwoRoot * kCubic * (x * x);
    return {x * s.value, s.value + s.value * s.rest * (x * slope)};
  }
};

struct Relu {
  Vec value(Vec x) const { return x > 0.0f ? x : Vec{}; }
  Point point(Vec x) const { return {value(x), x > 0.0f ? splat(1) : Vec{}}; }
};

template <class Body>
static void with_activation(Activation kind, Body body) {
  switch (kind) {
    case Activation::kSilu:
      return body(Swish{1});
    case Activation::kGelu:
      return body(Gelu{});
    case Activation::kGeluTanh:
      return body(GeluTanh{});
    case Activation::kQuickGelu:
      return body(Swish{1.702f});
    case Activation::kRelu:
      return body(Relu{});
  }
}

void activation_forward(Activation kind, const float* x, const float* up, float* y, int64_t n) {
  with_activation(kind, [&](auto act) {
    if (up)
      strips(n, [&](auto s) { s.store(y, act.value(s.load(x)) * s.load(up)); });
    else
      strips(n, [&](auto s) { s.store(y, act.value(s.load(x))); });
  });
}

void activation_backward(Activation kind, const float* x, const float* up, const float* dy,
                         Output dx, Output dup, int64_t n) {
  with_activation(kind, [&](auto act) {
    strips(n, [&](auto s) {
      Point p = act.point(s.load(x));
      Vec d = s.load(dy);
      Vec d_gate = up ? d * s.load(up) * p.slope : d * p.slope;
      if (dx.data) s.store(dx, d_gate);
      if (dup.data) s.store(dup, d * p.value);  // second: it may be the same memory
    });
  });
}

void clip(const float* x, const float* dy, float limit, Output y, int64_t n) {
  strips(n, [&](auto s) {
    Vec v = s.load(x), high = splat(limit);
    if (dy) {
      IVec inside = (v <= high) & (v >= -high);
      s.store(y, inside ? s.load(dy) : Vec{});
    } else {
      v = v > high ? high : v;
      s.store(y, v < -high ? -high : v);
    }
  });
}

}  // namespace slm::cpu::SLM_ISA
