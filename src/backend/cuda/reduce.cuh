// Sums and maxima over the threads of a warp or a block; every thread gets the result. The order is
// fixed: results are the same from run to run.
#pragma once

#include <cuda_runtime.h>

namespace slm::cuda {

template <class T>
__device__ T warp_sum(T x) {
  for (int distance = 16; distance > 0; distance /= 2)
    x += __shfl_xor_sync(0xffffffffu, x, distance);
  return x;
}

template <class T>
__device__ T warp_max(T x) {
  for (int distance = 16; distance > 0; distance /= 2) {
    T other = __shfl_xor_sync(0xffffffffu, x, distance);
    x = other > x ? other : x;
  }
  return x;
}

// Of a one-dimensional block of whole warps. A barrier before and after the shared memory is used:
// the next call may follow at once.
template <class T>
__device__ T block_sum(T x) {
  __shared__ T of_warps[32];
  x = warp_sum(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = x;
  __syncthreads();
  return warp_sum(threadIdx.x % 32 < blockDim.x / 32 ? of_warps[threadIdx.x % 32] : T(0));
}

template <class T>
__device__ T block_max(T x) {
  __shared__ T of_warps[32];
  x = warp_max(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = x;
  __syncthreads();
  return warp_max(of_warps[threadIdx.x % 32 < blockDim.x / 32 ? threadIdx.x % 32 : 0]);
}

}  // namespace slm::cuda
