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
  PhaseClock::Scope whole(&clock_, Phase::kForward);
  backend_.zero(parameters_.grads());
  StepSamples samples{samples_, options_.micro_batch, options_.accumulate, &clock_};
  double loss = 0;
  for (int64_t micro = 0; micro < samples.accumulate; ++micro) {
    clock_.enter(Phase::kForward);
    Tape tape(backend_);
    parameters_.bind(tape);
    Context cx{backend_, &tape, options_.recompute};
    Tensor share = objective_.loss(cx, samples, micro);
    clock_.enter(Phase::kBackward);
    tape.backward(share);
    loss += *share.data<float>();
  }
  clock_.enter(Phase::kOptimizer);
  double norm = gradient_norm(backend_, parameters_.grads());
  StepReport report{steps_ + 1, loss, norm, schedule_.rate(steps_)};
  report.skipped = options_.accept && !options_.accept(report);
  check(report.skipped || (std::isfinite(loss) && std::isfinite(norm)),
        "[train] step {}: loss {} and gradient norm {} must be finite; a lower learning rate or a "
        "longer warm-up often helps",
        steps_ + 1, loss, norm);
  if (!report.skipped) optimizer_.step(report.lr, clip_factor(norm, options_.max_grad_norm));
  ++steps_;
  samples_ += samples.count();
  return report;
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
