// Kernels that do the same with every eight numbers of a tensor.
#pragma once

#include <algorithm>

#include "backend/cuda/context.h"
#include "backend/cuda/floats.cuh"
#include "backend/cuda/launch.h"

namespace slm::cuda {

inline constexpr int kEachThreads = 256;

// Enough blocks of kEachThreads for `items` threads, or as many as the device holds at once; then
// threads take several.
inline dim3 blocks_for(const CudaContext& cx, int64_t items) {
  int64_t most = int64_t{cx.multiprocessors()} * 8;
  return dim3(unsigned(std::min((items + kEachThreads - 1) / kEachThreads, most)));
}

__device__ inline int64_t first_item() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline int64_t item_stride() { return int64_t{gridDim.x} * blockDim.x; }

template <class Body>
__global__ void each_item_kernel(int64_t items, Body body) {
  for (int64_t i = first_item(); i < items; i += item_stride()) body(i);
}

// body(i) for i in 0 .. items, on the device.
template <class Body>
void each_item(CudaContext& cx, int64_t items, const Body& body) {
  launch(each_item_kernel<Body>, blocks_for(cx, items), kEachThreads, 0, cx.stream(), items, body);
}

template <class Body>
__global__ void each8_kernel(int64_t n, Body body) {
  for (int64_t i = 8 * first_item(); i < n; i += 8 * item_stride()) body(i, n);
}

// body(i, n) for i in 0, 8, .. below n: numbers i to i + 7, as far as there are n.
template <class Body>
void each8(CudaContext& cx, int64_t n, const Body& body) {
  launch(each8_kernel<Body>, blocks_for(cx, (n + 7) / 8), kEachThreads, 0, cx.stream(), n, body);
}

}  // namespace slm::cuda
