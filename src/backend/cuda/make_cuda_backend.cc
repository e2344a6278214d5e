#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/errors.h"

namespace slm {
namespace {

// 0 also where there is no driver.
int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(const BackendOptions& options) {
  int count = device_count();
  check(count > 0,
        "backend \"cuda\": no NVIDIA GPU with a driver of CUDA 13 is there; take the backend cpu");
  check(options.device >= 0 && options.device < count, "device {}: expected 0 to {}",
        options.device, count - 1);
  return std::make_unique<cuda::CudaBackend>(options);
}

bool cuda_available() { return device_count() > 0; }

}  // namespace slm
