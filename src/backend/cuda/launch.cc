#include "backend/cuda/launch.h"

#include "backend/cuda/errors.h"

namespace slm::cuda {

void fail_launch(cudaError_t status, const void* kernel, dim3 grid, dim3 block,
                 size_t shared_bytes) {
  int device = -1;
  const char* name = "?";
  if (cudaGetDevice(&device) != cudaSuccess || cudaFuncGetName(&name, kernel) != cudaSuccess)
    name = "?";
  check_cuda(status,
             "kernel {} with {} x {} x {} blocks of {} x {} x {} threads and {} bytes of shared "
             "memory on device {}",
             name, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared_bytes, device);
  fail(ErrorKind::kUnsupported, "[cuda] kernel {} was not started", name);
}

}  // namespace slm::cuda
