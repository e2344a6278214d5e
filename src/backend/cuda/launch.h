// The one way a kernel is started: errors name the kernel, its sizes and the device.
#pragma once

#include <cuda_runtime.h>

#include <utility>

namespace slm::cuda {

[[noreturn]] void fail_launch(cudaError_t status, const void* kernel, dim3 grid, dim3 block,
                              size_t shared_bytes);

// kernel(arguments...) on grid x block threads. Nothing happens where the grid is empty.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
            cudaStream_t stream, Arguments&&... arguments) {
  constexpr size_t kWithoutAsking = 48 << 10;  // more shared memory must be asked for
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  cudaError_t status = cudaSuccess;
  if (shared_bytes > kWithoutAsking)
    status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  int(shared_bytes));
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  if (status == cudaSuccess)
    status = cudaLaunchKernelEx(&config, kernel, Parameters(std::forward<Arguments>(arguments))...);
  if (status != cudaSuccess) [[unlikely]]
    fail_launch(status, reinterpret_cast<const void*>(kernel), grid, block, shared_bytes);
}

}  // namespace slm::cuda
