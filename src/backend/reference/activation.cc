#include <algorithm>
#include <cmath>
#include <numbers>

#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

namespace {

struct Point {
  double value, slope;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// x sigmoid(c x)
Point swish(double x, double c) {
  double s = sigmoid(c * x);
  return {x * s, s + c * x * s * (1 - s)};
}

Point gelu(double x) {
  double cumulative = 0.5 * std::erfc(-x / std::numbers::sqrt2);
  double density = std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return {x * cumulative, cumulative + x * density};
}

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
Point gelu_tanh(double x) {
  double c = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  double t = std::tanh(c * (x + 0.044715 * x * x * x));
  double inner_slope = c * (1 + 3 * 0.044715 * x * x);
  return {0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner_slope};
}

Point evaluate(Activation kind, double x) {
  switch (kind) {
    case Activation::kSilu:
      return swish(x, 1);
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluTanh:
      return gelu_tanh(x);
    case Activation::kQuickGelu:
      return swish(x, 1.702);
    case Activation::kRelu:
      return x > 0 ? Point{x, 1} : Point{0, 0};
  }
  return {};
}

}  // namespace

void ReferenceBackend::activation_forward(const ActivationArgs& args) {
  Numbers x = read(args.x), up = read(args.up), y(x.size());
  for (size_t i = 0; i < y.size(); ++i)
    y[i] = evaluate(args.kind, x[i]).value * (args.up ? up[i] : 1);
  write(args.y, y);
}

void ReferenceBackend::activation_backward(const ActivationArgs& args,
                                           const ActivationGrads& grads) {
  Numbers x = read(args.x), up = read(args.up), dy = read(grads.dy), dx(x.size()), dup(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    Point act = evaluate(args.kind, x[i]);
    dx[i] = dy[i] * act.slope * (args.up ? up[i] : 1);
    dup[i] = dy[i] * act.value;
  }
  write(grads.dx, dx);
  write(grads.dup, dup);
}

void ReferenceBackend::clip(const ClipArgs& args) {
  Numbers x = read(args.x), dy = read(args.dy), y(x.size());
  double limit = args.limit;
  for (size_t i = 0; i < x.size(); ++i) {
    bool inside = std::abs(x[i]) <= limit;
    y[i] = args.dy ? (inside ? dy[i] : 0) : std::clamp(x[i], -limit, limit);
  }
  write(args.y, y);
}

}  // namespace slm
