// Attention on the device: see AttentionArgs. Keys are at most 2^31 to a segment, heads at most 256
// values. bf16 and f16 queries are multiplied on tensor cores, keys and values rounded to their
// type if they are in another; f32 is computed in f32. But where keys and values are narrower, as a
// cache's are, forward rounds f32 queries to them unless `exact` (in blocks: all to f16), and
// multiplies on tensor cores; few queries, which wait for memory, are not rounded. Results are the
// same from run to run, and a query's result does not depend on what else is in the call.
#pragma once

#include "backend/arguments.h"
#include "backend/cuda/context.h"

namespace slm::cuda {

void attention_forward(CudaContext& cx, const AttentionArgs& a, bool exact);
void attention_backward(CudaContext& cx, const AttentionArgs& a, const AttentionGrads& g);

}  // namespace slm::cuda
