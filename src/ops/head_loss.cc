#include "ops/head_loss.h"

#include <algorithm>

#include "backend/backend.h"
#include "ops/samples.h"
#include "util/error.h"

namespace slm {
namespace {

// A chunk is made of whole samples, or lies within one.
int64_t chunk_end(int64_t begin, int64_t tokens, int64_t chunk, int64_t sample) {
  if (sample >= kFewestSampleRows && tokens % sample == 0)
    chunk = sample <= chunk ? chunk / sample * sample
                            : std::min(chunk, (begin / sample + 1) * sample - begin);
  return std::min(tokens, begin + chunk);
}

// The gradient of the logits as the products behind it take it: in bf16 where everything else is,
// as that of any activation; in f32 beside f16, whose range it would leave.
Tensor for_products(Backend& backend, const Tensor& d_logits, const Tensor& x, const Tensor& w) {
  if (x.dtype() != DType::kBF16 || w.dtype() != DType::kBF16) return d_logits;
  Tensor narrow = backend.empty(d_logits.shape(), DType::kBF16);
  backend.copy(d_logits, narrow);
  return narrow;
}

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
  Tensor losses = backend.empty({tokens}, DType::kF32);
  Tensor dx = recording && cx.tape->wants(x) ? backend.empty(x.shape(), x.dtype()) : Tensor{};

  for (int64_t begin = 0, end = 0; begin < tokens; begin = end) {
    end = chunk_end(begin, tokens, spec.chunk, cx.sample_rows);
    Tensor rows = x.rows(begin, end), logits = backend.empty({end - begin, vocab}, DType::kF32);
    backend.gemm({.a = rows,
                  .b = w,
                  .c = logits,
                  .transpose_b = true,
                  .alpha = spec.logit_scale,
                  .bias = b});
    backend.cross_entropy(
        {.logits = logits,
         .targets = targets.rows(begin, end),
         .losses = losses.rows(begin, end),
         .z_loss = spec.z_loss,
         .gradient = recording,
         .gradient_scale = (recording ? cx.tape->loss_scale() : 1) / spec.divisor});
    if (!recording) continue;
    float scale = spec.logit_scale;
    logits = for_products(backend, logits, x, w);
    if (dx) backend.gemm({.a = logits, .b = w, .c = dx.rows(begin, end), .alpha = scale});
    each_sample(cx.sample_rows, end - begin, [&](int64_t first, int64_t last) {
      Tensor d_logits = logits.rows(first, last);
      if (GradSlot dw = cx.tape->slot(w))
        backend.gemm({.a = d_logits,
                      .b = rows.rows(first, last),
                      .c = dw.grad,
                      .transpose_a = true,
                      .alpha = scale,
                      .beta = dw.beta});
      if (GradSlot db = cx.tape->slot(b)) backend.column_sum({d_logits, db});
    });
  }
  // The one wait for the device: every chunk has been asked for by then.
  float mean = float(sum(to_host(backend, losses)) / spec.divisor);
  Tensor loss = Tensor::of(std::span(&mean, 1), {1});

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
