#include "ops/sum_parts.h"

#include "backend/backend.h"
#include "ops/forget.h"

namespace slm {

// The gradients of all readers meet in a storage of its own, that takes the bytes over from x.
Tensor read_by_parts(Context& cx, const Tensor& x, const SumParts& sum) {
  if (!sum || !cx.recording(x)) return x;
  Tensor y(std::make_shared<Storage>(*x.storage()), x.byte_offset(), x.shape(), x.dtype());
  discard(cx, x);
  cx.tape->record(y, [x, sum, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
    sum(dy);
    if (GradSlot dx = tape.slot(x)) backend.accumulate(1, dy, dx);
  });
  return y;
}

Tensor sum_of_parts(Tensor y, const SumParts& sum) {
  if (sum) sum(y);
  return y;
}

}  // namespace slm
