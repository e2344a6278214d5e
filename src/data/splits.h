// Contiguous document ranges for training, validation and test.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace slm {

// "969, 30, 1" (commas or slashes, any scale, missing parts 0) of a number of documents: the ranges
// are [b0, b1), [b1, b2), [b2, b3), with b3 the number of documents.
std::array<int64_t, 4> split_boundaries(std::string_view split, int64_t documents);

}  // namespace slm
