// A matrix with an optional bias, found among the parameters by name.
#pragma once

#include <string>

#include "core/parameters.h"
#include "ops/linear.h"

namespace slm {

struct Linear {
  Tensor weight;  // [out, in], any type
  Tensor bias;    // [out], may be absent

  Linear() = default;
  Linear(const Parameters& parameters, const std::string& name)
      : weight(parameters.at(name + ".weight")), bias(parameters.find(name + ".bias")) {}

  Tensor operator()(Context& cx, const Tensor& x) const { return linear(cx, x, weight, bias); }
};

}  // namespace slm
