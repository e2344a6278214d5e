#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/errors.h"

namespace slm {
namespace {

// 0 also where there is no driver; why tells.
int device_count(cudaError_t* why = nullptr) {
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (why) *why = status;
  return status == cudaSuccess ? count : 0;
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(const BackendOptions& options) {
  cudaError_t why = cudaSuccess;
  int count = device_count(&why);
  if (count == 0)
    fail(ErrorKind::kUnsupported,
         "backend \"cuda\": no NVIDIA GPU with a driver of CUDA 13 is there ({}); take the backend "
         "cpu",
         why == cudaSuccess ? "none is visible" : cudaGetErrorString(why));
  check(options.device >= 0 && options.device < count, "device {}: expected 0 to {}",
        options.device, count - 1);
  return std::make_unique<cuda::CudaBackend>(options);
}

bool cuda_available() { return device_count() > 0; }

}  // namespace slm
