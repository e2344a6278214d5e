// Token ids as files hold them: [B, T] tensors of integers.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace slm {

using TokenRows = std::vector<std::vector<int32_t>>;

// ids: [B, T] i64 or i32. Error when a value does not fit in 32 bits.
TokenRows token_rows(const Tensor& ids);

// The next token of every position, from labels of whole rows laid end to end: [B * T] i32; the
// last of each row, and labels below zero, are -1.
Tensor next_token_targets(const TokenRows& labels);

}  // namespace slm
