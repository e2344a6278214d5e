// y = alpha * a + b: the residual connection
#pragma once

#include "core/context.h"

namespace slm {

Tensor axpy(Context& cx, float alpha, const Tensor& a, const Tensor& b);

}  // namespace slm
