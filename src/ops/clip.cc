#include "ops/clip.h"

#include "backend/backend.h"
#include "util/error.h"

namespace slm {

Tensor clip(Context& cx, const Tensor& x, float limit) {
  check(limit > 0, "[clip] the limit is {}, expected a positive number", limit);
  Tensor y = cx.backend.empty(x.shape(), x.dtype());
  cx.backend.clip({.x = x, .limit = limit, .y = {y, 0}});

  if (cx.recording(x)) {
    cx.tape->record(y, [x, limit, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
      backend.clip({x, dy, limit, tape.slot(x)});
    });
  }
  return y;
}

}  // namespace slm
