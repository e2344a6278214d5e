#include "train/adamw.h"

#include "util/error.h"

namespace slm {
namespace {

bool decays(ParameterRole role) {
  return role != ParameterRole::kNormWeight && role != ParameterRole::kBias;
}

}  // namespace

AdamW::AdamW(Backend& backend, const Parameters& parameters, const AdamWSpec& spec)
    : backend_(backend), parameters_(parameters), spec_(spec) {
  check(parameters.trainable(), "[adamw] the parameters are not trainable");
  m_ = backend.empty({parameters.count()}, DType::kF32);
  v_ = backend.empty({parameters.count()}, DType::kF32);
  backend.zero(m_);
  backend.zero(v_);
  int64_t at = 0;
  for (const Parameter& p : parameters.items()) {
    int64_t end = at + p.value.elements();
    bool decay = decays(p.spec.role);
    if (spans_.empty() || spans_.back().decays != decay) spans_.push_back({at, at, decay});
    spans_.back().end = at = end;
  }
}

void AdamW::step(double lr, float grad_scale) {
  ++updates_;
  for (const Span& s : spans_) {
    backend_.adamw({.value = parameters_.values().slice(s.begin, s.end),
                    .grad = parameters_.grads().slice(s.begin, s.end),
                    .m = m_.slice(s.begin, s.end),
                    .v = v_.slice(s.begin, s.end),
                    .lr = lr,
                    .beta1 = spec_.beta1,
                    .beta2 = spec_.beta2,
                    .eps = spec_.eps,
                    .weight_decay = s.decays ? spec_.weight_decay : 0,
                    .step = updates_,
                    .grad_scale = grad_scale});
  }
}

}  // namespace slm
