// The shared memory a launch asks for.
#pragma once

namespace slm::cuda {

// Aligned to 128 bytes.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(128) unsigned char memory_of_launch[];
  return reinterpret_cast<T*>(memory_of_launch);
}

}  // namespace slm::cuda
