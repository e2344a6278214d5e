#include "ops/norm.h"

#include "backend/backend.h"
#include "ops/samples.h"
#include "util/error.h"

namespace slm {

Tensor norm(Context& cx, const Tensor& x, const Tensor& w, const Tensor& b, const NormSpec& spec) {
  check(w.dim(-1) == x.dim(-1), "[norm] input has {} channels, weight has {}", x.dim(-1),
        w.dim(-1));
  check(w.shape().rank() == 1 || w.dim(0) == x.dim(-2),
        "[norm] input {} cannot use the per-head weight {}", x.shape().to_string(),
        w.shape().to_string());
  check(!b || b.shape() == w.shape(), "[norm] weight is {}, bias is {}", w.shape().to_string(),
        b ? b.shape().to_string() : "");
  bool recording = cx.recording(x, w, b);
  NormArgs args{x, w, b, spec, cx.backend.empty(x.shape(), x.dtype()), {}};
  if (recording) args.stats = cx.backend.empty({x.elements() / x.dim(-1), 2}, DType::kF32);
  cx.backend.norm_forward(args);

  if (recording) {
    Tensor y =
        std::exchange(args.y, {});  // not needed backwards: let it go when its last reader is done
    cx.tape->record(y, [args, sample = cx.sample_rows, &backend = cx.backend,
                        &tape = *cx.tape](const Tensor& dy) {
      GradSlot dx = tape.slot(args.x);
      int64_t stats = args.stats.dim(0) / args.x.dim(0);  // of each row: one, or one per head
      each_sample(sample, args.x.dim(0), [&](int64_t begin, int64_t end) {
        NormArgs part = args;
        part.x = args.x.rows(begin, end);
        part.stats = args.stats.rows(begin * stats, end * stats);
        GradSlot dx_rows = dx ? GradSlot{dx.grad.rows(begin, end), dx.beta} : GradSlot{};
        backend.norm_backward(part,
                              {dy.rows(begin, end), dx_rows, tape.slot(args.w), tape.slot(args.b)});
      });
    });
    return y;
  }
  return args.y;
}

}  // namespace slm
