// Where several processes compute a half of a block together (Shoeybi et al., "Megatron-LM", 2019):
// all hold the same x, each reads it into a part of the half, and what the parts make is added up.
#pragma once

#include <functional>

#include "core/context.h"

namespace slm {

// Adds a tensor up over the processes, in place, on all of them, in one order: all get the same
// bits. Every process must call it for the same tensors in the same order. Empty: there is only one
// process, and the functions below give back what they are given.
using SumParts = std::function<void(const Tensor&)>;

// x, as the part of this process reads it. Its gradient is the sum of those of all parts. While a
// tape records, the numbers are then only in what is returned: nothing else may read x, not the
// derivative of the op that made it either.
Tensor read_by_parts(Context& cx, const Tensor& x, const SumParts& sum);

// y becomes, in place, the sum over the processes; its gradient is that of each process's y. It
// must be fresh from the op that made it, which must not need it for its own gradient.
Tensor sum_of_parts(Tensor y, const SumParts& sum);

}  // namespace slm
