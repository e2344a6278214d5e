// Zeroes a random part of x in training and scales the rest so that the mean stays (Srivastava et
// al., "Dropout", 2014); x itself when the context has no dropout.
#pragma once

#include "core/context.h"

namespace slm {

// x: [T, N]. `stream` tells the places of a model apart. Which values are kept is a function of
// cx.dropout and the row alone.
Tensor dropout(Context& cx, const Tensor& x, uint64_t stream);

}  // namespace slm
