// Memory that the backward pass need not find: most of what a block computes is cheap to compute
// again, and some of it no derivative reads.
#pragma once

#include <functional>

#include "core/context.h"

namespace slm {

// Frees what x holds until the backward pass comes back to here and f computes the same numbers
// again. Call it when the last reader of the forward pass has run; x must be a whole storage.
// Without a tape nothing happens.
void forget(Context& cx, const Tensor& x, const std::function<Tensor(Context&)>& f);

// Frees it for good: x is still where its gradient goes, but no derivative reads its numbers.
void discard(Context& cx, const Tensor& x);

}  // namespace slm
