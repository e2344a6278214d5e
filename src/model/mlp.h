// The feed-forward half of a block: down(act(gate(x)) * up(x)), or down(act(up(x))) without a gate.
#pragma once

#include "model/linear.h"
#include "model/spec.h"

namespace slm {

class Mlp {
 public:
  Mlp(const DecoderSpec& spec, const Parameters& parameters, const std::string& name);

  Tensor operator()(Context& cx, const Tensor& x) const;  // [T, D] -> [T, D]

 private:
  Activation activation_;
  bool gated_;
  Linear gate_, up_, down_;
};

}  // namespace slm
