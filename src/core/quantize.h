// Tensors in block formats, made row by row on all threads.
#pragma once

#include <span>
#include <string_view>

#include "core/tensor.h"
#include "util/thread_pool.h"

namespace slm {

// A host matrix [.., N] of any floating type in another type. For a block format the sum of
// importance[column] * error^2 of each row is made small; empty: all columns count the same. A
// column that seems to count for less than a thousandth of the mean counts for that much. Other
// types round to nearest even. The result does not depend on the number of threads. Error, starting
// with `name`, for numbers that are not finite.
Tensor quantize(const Tensor& t, DType dtype, std::span<const float> importance, ThreadPool& pool,
                std::string_view name);

}  // namespace slm
