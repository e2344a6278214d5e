#include "ops/linear.h"

#include "backend/backend.h"
#include "ops/samples.h"
#include "util/error.h"

namespace slm {

Tensor linear(Context& cx, const Tensor& x, const Tensor& w, const Tensor& b, float scale) {
  check(x.shape().rank() == 2 && w.shape().rank() == 2,
        "[linear] input {}, weight {}: not matrices", x.shape().to_string(), w.shape().to_string());
  check(x.dim(1) == w.dim(1), "[linear] input has {} channels, weight is {}", x.dim(1),
        w.shape().to_string());
  check(!b || b.elements() == w.dim(0), "[linear] bias has {} values, weight is {}",
        b ? b.elements() : 0, w.shape().to_string());
  check(!w.quantized() || !cx.recording(x, w, b),
        "[linear] no derivative through a weight in {}: train with the weights as they were before "
        "quantising",
        traits(w.dtype()).name);
  if (cx.on_linear) (*cx.on_linear)(w, x);
  Tensor y = cx.backend.empty({x.dim(0), w.dim(0)}, x.dtype());
  cx.backend.gemm({.a = x, .b = w, .c = y, .transpose_b = true, .alpha = scale, .bias = b});

  if (cx.recording(x, w, b)) {
    cx.tape->record(y, [x, w, b, scale, sample = cx.sample_rows, &backend = cx.backend,
                        &tape = *cx.tape](const Tensor& dy) {
      if (GradSlot dx = tape.slot(x))
        backend.gemm({.a = dy, .b = w, .c = dx.grad, .alpha = scale, .beta = dx.beta});
      each_sample(sample, x.dim(0), [&](int64_t begin, int64_t end) {
        Tensor dy_rows = dy.rows(begin, end);
        if (GradSlot dw = tape.slot(w))
          backend.gemm({.a = dy_rows,
                        .b = x.rows(begin, end),
                        .c = dw.grad,
                        .transpose_a = true,
                        .alpha = scale,
                        .beta = dw.beta});
        if (GradSlot db = tape.slot(b)) backend.column_sum({dy_rows, db});
      });
    });
  }
  return y;
}

}  // namespace slm
