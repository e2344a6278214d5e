#include "ops/dropout.h"

#include "backend/backend.h"
#include "util/error.h"

namespace slm {

Tensor dropout(Context& cx, const Tensor& x, uint64_t stream) {
  if (cx.dropout.rate == 0) return x;
  check(cx.dropout.rate > 0 && cx.dropout.rate < 1, "[dropout] a rate of {}, expected 0..1",
        cx.dropout.rate);
  Tensor y = cx.backend.empty(x.shape(), x.dtype());
  DropoutArgs args{.x = x,
                   .rate = cx.dropout.rate,
                   .seed = cx.dropout.seed,
                   .stream = stream,
                   .first_row = cx.dropout.first_row,
                   .y = {y, 0}};
  cx.backend.dropout(args);

  if (cx.recording(x)) {
    args.x = args.y.grad = {};
    cx.tape->record(y, [args, x, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
      DropoutArgs back = args;
      back.x = dy;
      back.y = tape.slot(x);
      if (back.y) backend.dropout(back);
    });
  }
  return y;
}

}  // namespace slm
