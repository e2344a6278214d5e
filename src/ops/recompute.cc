#include "ops/recompute.h"

#include "backend/backend.h"

namespace slm {

Tensor recompute(Context& cx, const Tensor& x,
                 const std::function<Tensor(Context&, const Tensor&)>& f) {
  if (!cx.tape) return f(cx, x);
  Context quiet{cx.backend};
  Tensor y = f(quiet, x);
  cx.tape->record(y, [x, f, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
    Tape inner(backend, tape);
    if (GradSlot dx = tape.slot(x)) inner.bind(x, dx.grad, dx.beta);
    Context again{backend, &inner};
    Tensor y_again = f(again, x);
    if (inner.wants(y_again)) inner.backward(y_again, dy);
  });
  return y;
}

}  // namespace slm
