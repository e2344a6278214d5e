#include "ops/rope.h"

#include "backend/backend.h"
#include "util/error.h"

namespace slm {

Tensor rope_table(Context& cx, const Tensor& positions, const Rope& rope) {
  check(rope.dims % 2 == 0 && rope.dims > 0, "[rope] {} rotated values: must be even and positive",
        rope.dims);
  Tensor table = cx.backend.empty({positions.dim(0), rope.dims}, DType::kF32);
  cx.backend.rope_table({positions, rope, table});
  return table;
}

Tensor rope(Context& cx, const Tensor& x, const Tensor& table, Rope::Pairing pairing) {
  check(x.shape().rank() == 3 && x.dim(0) == table.dim(0),
        "[rope] input {} with a table for {} tokens", x.shape().to_string(), table.dim(0));
  check(table.dim(1) <= x.dim(2), "[rope] {} rotated values in heads of {}", table.dim(1),
        x.dim(2));
  Tensor y = cx.backend.empty(x.shape(), x.dtype());
  cx.backend.rope({x, table, pairing, false, {y, 0}});

  if (cx.recording(x)) {
    cx.tape->record(y,
                    [x, table, pairing, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
                      backend.rope({dy, table, pairing, true, tape.slot(x)});
                    });
  }
  return y;
}

}  // namespace slm
