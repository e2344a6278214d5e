#include "model/mlp.h"

#include "ops/activation.h"

namespace slm {

Mlp::Mlp(const DecoderSpec& spec, const Parameters& parameters, const std::string& name)
    : activation_(spec.activation),
      gated_(spec.gated),
      up_(parameters, name + ".up"),
      down_(parameters, name + ".down") {
  if (gated_) gate_ = Linear(parameters, name + ".gate");
}

Tensor Mlp::operator()(Context& cx, const Tensor& x) const {
  if (!gated_) return down_(cx, activation(cx, up_(cx, x), activation_));
  return down_(cx, gated(cx, gate_(cx, x), up_(cx, x), activation_));
}

}  // namespace slm
