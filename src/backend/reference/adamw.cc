#include <cmath>

#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

void ReferenceBackend::adamw(const AdamWArgs& args) {
  Numbers value = read(args.value), grad = read(args.grad), m = read(args.m), v = read(args.v);
  double b1 = args.beta1, b2 = args.beta2;
  double m_correction = 1 - std::pow(b1, double(args.step));
  double v_correction = 1 - std::pow(b2, double(args.step));
  for (size_t i = 0; i < value.size(); ++i) {
    double g = args.grad_scale * grad[i];
    m[i] = b1 * m[i] + (1 - b1) * g;
    v[i] = b2 * v[i] + (1 - b2) * g * g;
    double direction = (m[i] / m_correction) / (std::sqrt(v[i] / v_correction) + args.eps);
    value[i] -= args.lr * (direction + args.weight_decay * value[i]);
  }
  write(args.value, value);
  if (args.working) write(args.working, read(args.value));
  write(args.m, m);
  write(args.v, v);
}

}  // namespace slm
