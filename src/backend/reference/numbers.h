// Tensors as plain vectors of double, and back.
#pragma once

#include <vector>

#include "core/tape.h"

namespace slm::reference {

using Numbers = std::vector<double>;

Numbers read(const Tensor& t);         // empty for an absent tensor; error for block formats
Numbers read_weight(const Tensor& t);  // block formats too

// Rounds each value to the tensor's type once, to nearest even.
void write(const Tensor& t, const Numbers& values);

// grad = beta * grad + values; nothing when the slot is empty. With beta 0 the old values are not
// looked at.
void write(const GradSlot& slot, const Numbers& values);

}  // namespace slm::reference
