// y[t] = scale * table[ids[t]]        ids: [T] i32, table: [V, D], y: [T, D]
#pragma once

#include "core/context.h"

namespace slm {

// `ids` must lie on the host; every id is checked against the table. y is f32 unless `dtype` says
// otherwise.
Tensor embed(Context& cx, const Tensor& ids, const Tensor& table, float scale = 1,
             DType dtype = DType::kF32);

}  // namespace slm
