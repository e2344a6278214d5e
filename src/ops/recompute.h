// Keeps only x for the backward pass: y = f(x) is computed without recording, and once more,
// recorded, when its gradient arrives (Chen et al., "Training deep nets with sublinear memory
// cost", 2016).
#pragma once

#include <functional>

#include "core/context.h"

namespace slm {

// f may use x and bound parameters, and must compute the same numbers both times. Without a tape
// this is f(cx, x).
Tensor recompute(Context& cx, const Tensor& x,
                 const std::function<Tensor(Context&, const Tensor&)>& f);

}  // namespace slm
