#include "train/adamw.h"

#include <algorithm>

#include "util/error.h"

namespace slm {
namespace {

bool decays(ParameterRole role) {
  return role != ParameterRole::kNormWeight && role != ParameterRole::kBias;
}

FlatSpan common(FlatSpan a, FlatSpan b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

// visit(parameter, its part within `span`, where the parameter begins)
template <class Visit>
void each_within(FlatSpan span, const Parameters& parameters, Visit visit) {
  int64_t at = 0;
  for (const Parameter& p : parameters.items()) {
    FlatSpan part = common(span, {at, at + p.value.elements()});
    if (part.size() > 0) visit(p, part, at);
    at += p.value.elements();
  }
}

}  // namespace

AdamW::AdamW(Backend& backend, const Parameters& parameters, const AdamWSpec& spec)
    : AdamW(backend, parameters, spec, {0, parameters.count()}) {}

AdamW::AdamW(Backend& backend, const Parameters& parameters, const AdamWSpec& spec, FlatSpan span)
    : backend_(backend), parameters_(parameters), spec_(spec), span_(span) {
  check(parameters.trainable(), "[adamw] the parameters are not trainable");
  check(0 <= span.begin && span.begin <= span.end && span.end <= parameters.count(),
        "[adamw] numbers {}..{} of {}", span.begin, span.end, parameters.count());
  m_ = backend.empty({span.size()}, DType::kF32);
  v_ = backend.empty({span.size()}, DType::kF32);
  backend.zero(m_);
  backend.zero(v_);
  master_ = parameters.values().slice(span.begin, span.end);
  if (master_.dtype() != DType::kF32) {
    Tensor working = master_;
    master_ = backend.empty({span.size()}, DType::kF32);
    backend.copy(working, master_);
  }
  each_within(span, parameters, [&](const Parameter& p, FlatSpan part, int64_t) {
    bool decay = decays(p.spec.role);
    if (runs_.empty() || runs_.back().decays != decay) runs_.push_back({part, decay});
    runs_.back().span.end = part.end;
  });
}

bool AdamW::mixed() const { return parameters_.values().dtype() != DType::kF32; }

void AdamW::start_from(const Parameters& exact) {
  check(exact.count() == parameters_.count(), "[adamw] {} exact values for {} parameters",
        exact.count(), parameters_.count());
  if (!mixed()) return;
  each_within(span_, exact, [&](const Parameter& p, FlatSpan part, int64_t first) {
    backend_.copy(to_dtype(p.value.slice(part.begin - first, part.end - first), DType::kF32),
                  master_.slice(part.begin - span_.begin, part.end - span_.begin));
  });
}

void AdamW::publish() {
  if (mixed()) backend_.copy(master_, parameters_.values().slice(span_.begin, span_.end));
}

void AdamW::step(double lr, float grad_scale) {
  ++updates_;
  for (const Run& run : runs_) {
    auto [begin, end] = run.span;
    auto of = [&, begin = begin, end = end](const Tensor& flat) {
      return flat.slice(begin - span_.begin, end - span_.begin);
    };
    backend_.adamw({.value = of(master_),
                    .grad = parameters_.grads().slice(begin, end),
                    .m = of(m_),
                    .v = of(v_),
                    .lr = lr,
                    .beta1 = spec_.beta1,
                    .beta2 = spec_.beta2,
                    .eps = spec_.eps,
                    .weight_decay = run.decays ? spec_.weight_decay : 0,
                    .step = updates_,
                    .grad_scale = grad_scale,
                    .working = mixed() ? parameters_.values().slice(begin, end) : Tensor{}});
  }
}

}  // namespace slm
