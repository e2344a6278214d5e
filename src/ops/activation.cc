#include "ops/activation.h"

#include "backend/backend.h"
#include "util/error.h"

namespace slm {

Tensor activation(Context& cx, const Tensor& x, Activation kind) { return gated(cx, x, {}, kind); }

Tensor gated(Context& cx, const Tensor& gate, const Tensor& up, Activation kind) {
  check(!up || up.shape() == gate.shape(), "[gated] gate is {}, up is {}", gate.shape().to_string(),
        up ? up.shape().to_string() : "");
  ActivationArgs args{gate, up, kind, cx.backend.empty(gate.shape(), gate.dtype())};
  cx.backend.activation_forward(args);

  if (!cx.recording(gate, up)) return args.y;
  Tensor y = std::exchange(args.y, {});
  cx.tape->record(y, [args, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
    backend.activation_backward(args, {dy, tape.slot(args.x), tape.slot(args.up)});
  });
  return y;
}

}  // namespace slm
