#include "ops/recompute.h"

#include "backend/backend.h"

namespace slm {

Tensor recompute(Context& cx, const Tensor& x,
                 const std::function<Tensor(Context&, const Tensor&)>& f) {
  if (!cx.tape) return f(cx, x);
  Context quiet = cx;
  quiet.tape = nullptr;
  Tensor y = f(quiet, x);
  quiet.on_linear = nullptr;  // it was told
  cx.tape->record(y, [x, f, quiet, &tape = *cx.tape](const Tensor& dy) {
    Tape inner(quiet.backend, tape);
    if (GradSlot dx = tape.slot(x)) inner.bind(x, dx.grad, dx.beta);
    Context again = quiet;
    again.tape = &inner;
    Tensor y_again = f(again, x);
    if (inner.wants(y_again)) inner.backward(y_again, dy);
  });
  return y;
}

}  // namespace slm
