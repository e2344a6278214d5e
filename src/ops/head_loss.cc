#include "ops/head_loss.h"

#include <algorithm>

#include "backend/backend.h"
#include "util/error.h"

namespace slm {
namespace {

double sum(const Tensor& losses) {
  double total = 0;
  for (float x : losses.span<const float>()) total += x;
  return total;
}

}  // namespace

Tensor head_loss(Context& cx, const Tensor& x, const Tensor& w, const Tensor& b,
                 const Tensor& targets, const HeadLossSpec& spec) {
  int64_t tokens = x.dim(0), vocab = w.dim(0);
  check(targets.dim(0) == tokens, "[head_loss] {} rows, {} targets", tokens, targets.dim(0));
  for (int32_t t : targets.span<const int32_t>())
    check(t < vocab, "[head_loss] target {} is outside the vocabulary of {}", t, vocab);
  bool recording = cx.recording(x, w, b);
  check(!w.quantized() || !recording,
        "[head_loss] no derivative through a weight in {}: train with the weights as they were "
        "before quantising",
        traits(w.dtype()).name);
  Backend& backend = cx.backend;
  Tensor loss = backend.empty({1}, DType::kF32);
  Tensor dx = recording && cx.tape->wants(x) ? backend.empty(x.shape(), x.dtype()) : Tensor{};

  double total = 0;
  for (int64_t begin = 0; begin < tokens; begin += spec.chunk) {
    int64_t end = std::min(tokens, begin + spec.chunk);
    Tensor rows = x.rows(begin, end), logits = backend.empty({end - begin, vocab}, DType::kF32);
    Tensor losses = backend.empty({end - begin}, DType::kF32);
    backend.gemm({.a = rows,
                  .b = w,
                  .c = logits,
                  .transpose_b = true,
                  .alpha = spec.logit_scale,
                  .bias = b});
    backend.cross_entropy({.logits = logits,
                           .targets = targets.rows(begin, end),
                           .losses = losses,
                           .z_loss = spec.z_loss,
                           .gradient = recording,
                           .gradient_scale = (recording ? cx.tape->loss_scale() : 1) / spec.divisor});
    total += sum(losses);
    if (!recording) continue;
    float scale = spec.logit_scale;
    if (dx) backend.gemm({.a = logits, .b = w, .c = dx.rows(begin, end), .alpha = scale});
    if (GradSlot dw = cx.tape->slot(w))
      backend.gemm({.a = logits,
                    .b = rows,
                    .c = dw.grad,
                    .transpose_a = true,
                    .alpha = scale,
                    .beta = dw.beta});
    if (GradSlot db = cx.tape->slot(b)) backend.column_sum({logits, db});
  }
  *loss.data<float>() = float(total / spec.divisor);

  if (recording) {
    cx.tape->record(loss, [x, dx, &backend, &tape = *cx.tape](const Tensor& d_loss) {
      check(*d_loss.data<float>() == tape.loss_scale(),
            "[head_loss] the loss must be where backward starts");
      if (GradSlot slot = tape.slot(x)) backend.accumulate(1, dx, slot);
    });
  }
  return loss;
}

}  // namespace slm
