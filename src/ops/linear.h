// y = scale * x w' + b        x: [T, in], w: [out, in], b: [out] or absent, y: [T, out]
#pragma once

#include "core/context.h"

namespace slm {

// The weight may have another type than x, a block format too, unless a tape records; y has the
// type of x.
Tensor linear(Context& cx, const Tensor& x, const Tensor& w, const Tensor& b = {}, float scale = 1);

}  // namespace slm
