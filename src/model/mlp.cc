#include "model/mlp.h"

#include "ops/activation.h"
#include "ops/forget.h"

namespace slm {

Mlp::Mlp(const DecoderSpec& spec, const Parameters& parameters, const std::string& name)
    : activation_(spec.activation),
      gated_(spec.gated),
      up_(parameters, name + ".up"),
      down_(parameters, name + ".down") {
  if (gated_) gate_ = Linear(parameters, name + ".gate");
}

Tensor Mlp::operator()(Context& cx, const Tensor& x) const {
  Tensor gate, up = up_(cx, x);
  if (gated_) gate = gate_(cx, x);
  auto hidden = [gate, up, kind = activation_](Context& c) {
    return gate ? gated(c, gate, up, kind) : activation(c, up, kind);
  };
  Tensor h = hidden(cx);
  Tensor y = down_(cx, h);
  forget(cx, h, hidden);
  return y;
}

}  // namespace slm
