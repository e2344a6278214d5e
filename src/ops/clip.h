// y = x brought into -limit .. limit, elementwise; the derivative is 0 outside.
#pragma once

#include "core/context.h"

namespace slm {

Tensor clip(Context& cx, const Tensor& x, float limit);

}  // namespace slm
