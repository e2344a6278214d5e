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
      options_(options),
      alone_(options.parallel ? nullptr : one_process()),
      parallel_(options.parallel
                    ? *options.parallel
                    : own_parallel_.emplace(*alone_, backend, parameters, DataParallelOptions{})) {
  check(options.micro_batch > 0 && options.accumulate > 0,
        "[train] micro batch {} and accumulation {} must be positive", options.micro_batch,
        options.accumulate);
}

StepReport Trainer::step() {
  PhaseClock::Scope whole(&clock_, Phase::kForward);
  StepSamples samples{samples_, options_.micro_batch, options_.accumulate, steps_};
  samples.clock = &clock_;
  StepReport report{.step = steps_ + 1};
  if (options_.loss_scaler) report.loss_scale = options_.loss_scaler->scale();
  report.loss = parallel_.gradients(
      samples, [this](const StepSamples& step, int64_t part, const GradientSink& sink) {
        return compute(step, part, sink);
      });
  clock_.enter(Phase::kOptimizer);
  report.grad_norm = parallel_.gradient_norm() / report.loss_scale;
  report.lr = schedule_.rate(optimizer_.updates());  // a skipped step does not advance it
  decide(report);
  if (!report.skipped) {
    double clip = clip_factor(report.grad_norm, options_.max_grad_norm);
    optimizer_.step(report.lr, float(clip / report.loss_scale));
    parallel_.share_values();
  }
  ++steps_;
  samples_ += samples.count();
  return report;
}

double Trainer::compute(const StepSamples& step, int64_t part, const GradientSink& sink) {
  clock_.enter(Phase::kForward);
  Tape tape(backend_, options_.loss_scaler ? float(options_.loss_scaler->scale()) : 1);
  parameters_.bind(tape, sink.grads);
  Context cx{.backend = backend_,
             .tape = &tape,
             .recompute = options_.recompute,
             .on_gradients = sink.on_gradients,
             .dropout = options_.dropout};
  Tensor share = objective_.loss(cx, step, part);
  clock_.enter(Phase::kBackward);
  tape.backward(share);
  return *share.data<float>();
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

double evaluate(Backend& backend, Objective& objective, const StepSamples& first, int64_t batches,
                DataParallel* parallel) {
  Context cx{backend};
  StepSamples step = parallel ? parallel->divided(first) : first;
  auto share = [&](int64_t i) -> double {
    StepSamples batch = step;
    batch.first += i / step.parts() * step.count();
    return *objective.loss(cx, batch, i % step.parts()).data<float>();
  };
  double total = 0;
  if (parallel)
    total = parallel->sum_parts(batches * step.parts(), share);
  else
    for (int64_t i = 0; i < batches * step.parts(); ++i) total += share(i);
  return batches > 0 ? total / double(batches) : 0;
}

}  // namespace slm
