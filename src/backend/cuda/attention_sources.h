// What a call of attention needs around its kernels.
#pragma once

#include "backend/cuda/attention_kernels.cuh"

namespace slm::cuda {

// How rows of heads are to lie for a kernel: in `type`, each head's values padded with zeros to a
// multiple of `piece`, and aligned to 16 bytes if that is more than one.
struct Layout {
  DType type;
  int piece;
};

// Rows [begin, end) of t, [T, heads, size] (in blocks [T, heads * size]): where they are if they
// lie so, else a copy, which lives as long as `memory`.
HeadRows head_rows(CudaContext& cx, const Tensor& t, int size, Layout layout, int64_t begin,
                   int64_t end, std::vector<Tensor>& memory);

// drift[r, h] = dy[r, h] . y[r, h]
void drift_of(CudaContext& cx, const Tensor& dy, const Tensor& y, float* drift);

// grad = beta * grad, and beta = 1: for gradients that are not written from end to end.
void settle(CudaContext& cx, const Tensor& grad, float& beta);

}  // namespace slm::cuda
