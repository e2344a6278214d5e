#include "ops/rope.h"

#include <cmath>

#include "backend/backend.h"
#include "util/error.h"

namespace slm {

Rope rope_for(const Rope& rope, int64_t tokens) {
  Rope result = rope;
  if (rope.ntk_length == 0 || tokens <= rope.ntk_length) return result;
  double alpha = 1;
  for (int64_t reach = rope.ntk_length; reach < tokens; reach *= 2) alpha = 2 * alpha + 1;
  double dims = double(rope.dims);
  result.theta *= std::pow(alpha, dims / (dims - 2));
  return result;
}

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
