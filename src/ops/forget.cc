#include "ops/forget.h"

#include "backend/backend.h"
#include "util/error.h"

namespace slm {
namespace {

void let_go(const Tensor& x) {
  check(x.covers_storage(), "[forget] {} is part of a larger storage", x.shape().to_string());
  x.shared_storage()->owner.reset();
  x.shared_storage()->data = nullptr;
}

}  // namespace

void forget(Context& cx, const Tensor& x, const std::function<Tensor(Context&)>& f) {
  if (!cx.tape || !cx.tape->wants(x)) return;
  let_go(x);
  Context quiet = cx;
  quiet.tape = nullptr;
  quiet.on_linear = nullptr;  // it was told
  cx.tape->mark([x, f, quiet]() mutable {
    Tensor again = f(quiet);
    x.shared_storage()->data = again.address();
    x.shared_storage()->owner = again.shared_storage();
  });
}

void discard(Context& cx, const Tensor& x) {
  if (cx.tape && cx.tape->wants(x)) let_go(x);
}

}  // namespace slm
