#include "ops/add.h"

#include "backend/backend.h"
#include "util/error.h"

namespace slm {

Tensor axpy(Context& cx, float alpha, const Tensor& a, const Tensor& b) {
  check(a.shape() == b.shape(), "[add] {} and {}", a.shape().to_string(), b.shape().to_string());
  Tensor y = cx.backend.empty(a.shape(), b.dtype());
  cx.backend.add({a, b, alpha, y});

  if (cx.recording(a, b)) {
    cx.tape->record(y, [alpha, a, b, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
      if (GradSlot da = tape.slot(a)) backend.accumulate(alpha, dy, da);
      if (GradSlot db = tape.slot(b)) backend.accumulate(1, dy, db);
    });
  }
  return y;
}

}  // namespace slm
