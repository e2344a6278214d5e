// What a call of the CUDA runtime returned, as an Error that names the call.
#pragma once

#include <cuda_runtime.h>

#include "util/error.h"

namespace slm::cuda {

// check_cuda(cudaMemsetAsync(..), "cudaMemsetAsync of {} bytes on device {}", bytes, device)
template <class... Args>
void check_cuda(cudaError_t status, format_string<Args...> call, Args&&... args) {
  if (status == cudaSuccess) [[likely]]
    return;
  fail(status == cudaErrorMemoryAllocation ? ErrorKind::kNoMemory : ErrorKind::kUnsupported,
       "[cuda] {}: {} ({})", fmt::format(call, std::forward<Args>(args)...),
       cudaGetErrorString(status), cudaGetErrorName(status));
}

}  // namespace slm::cuda
