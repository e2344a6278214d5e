// y[t] = scale * table[ids[t]]        ids: [T] i32, table: [V, D], y: [T, D]
#pragma once

#include "core/context.h"

namespace slm {

// `ids` must lie on the host; every id is checked against the table. y is f32 unless `dtype` says
// otherwise. The row of `padding_id` takes no gradient (PyTorch's padding_idx); -1: none.
Tensor embed(Context& cx, const Tensor& ids, const Tensor& table, float scale = 1,
             DType dtype = DType::kF32, int64_t padding_id = -1);

}  // namespace slm
