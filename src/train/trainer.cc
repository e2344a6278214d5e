#include "train/trainer.h"

#include <cmath>

#include "train/clip.h"
#include "util/error.h"

namespace slm {

Trainer::Trainer(Backend& backend, const Parameters& parameters, Objective& objective,
                 AdamW& optimizer, const Schedule& schedule, const TrainerOptions& options)
    : backend_(backend),
      parameters_(parameters),
      objective_(objective),
      optimizer_(optimizer),
      schedule_(schedule),
      options_(options) {
  check(options.micro_batch > 0 && options.accumulate > 0,
        "[train] micro batch {} and accumulation {} must be positive", options.micro_batch,
        options.accumulate);
}

StepReport Trainer::step() {
  StepSamples samples{samples_, options_.micro_batch, options_.accumulate, steps_};
  StepReport report{.step = steps_ + 1};
  if (options_.loss_scaler) report.loss_scale = options_.loss_scaler->scale();
  report.loss = gradients(samples);
  report.grad_norm = gradient_norm(backend_, parameters_.grads()) / report.loss_scale;
  report.lr = schedule_.rate(optimizer_.updates());  // a skipped step does not advance it
  decide(report);
  if (!report.skipped)
    optimizer_.step(report.lr, float(clip_factor(report.grad_norm, options_.max_grad_norm) /
                                     report.loss_scale));
  ++steps_;
  samples_ += samples.count();
  return report;
}

// Into the gradient buffer; the loss.
double Trainer::gradients(const StepSamples& samples) {
  backend_.zero(parameters_.grads());
  float scale = options_.loss_scaler ? float(options_.loss_scaler->scale()) : 1;
  double loss = 0;
  for (int64_t micro = 0; micro < samples.accumulate; ++micro) {
    Tape tape(backend_, scale);
    parameters_.bind(tape);
    Context cx{.backend = backend_,
               .tape = &tape,
               .recompute = options_.recompute,
               .dropout = options_.dropout};
    Tensor share = objective_.loss(cx, samples, micro);
    tape.backward(share);
    loss += *share.data<float>();
  }
  return loss;
}

void Trainer::decide(StepReport& r) const {
  if (options_.loss_scaler) {
    r.overflow = r.skipped = !std::isfinite(r.grad_norm);
    options_.loss_scaler->update(r.overflow);
    if (r.overflow) return;
  }
  r.skipped = options_.accept && !options_.accept(r);
  check(r.skipped || (std::isfinite(r.loss) && std::isfinite(r.grad_norm)),
        "[train] step {}: loss {} and gradient norm {} must be finite; a lower learning rate or a "
        "longer warm-up often helps",
        r.step, r.loss, r.grad_norm);
}

double evaluate(Backend& backend, Objective& objective, StepSamples samples, int64_t batches) {
  Context cx{backend};
  double total = 0;
  for (int64_t i = 0; i < batches; ++i, samples.first += samples.count())
    for (int64_t micro = 0; micro < samples.accumulate; ++micro)
      total += *objective.loss(cx, samples, micro).data<float>();
  return batches > 0 ? total / double(batches) : 0;
}

}  // namespace slm
