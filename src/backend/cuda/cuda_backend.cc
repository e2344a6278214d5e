#include "backend/cuda/cuda_backend.h"

#include "backend/cuda/attention.cuh"
#include "backend/cuda/errors.h"

namespace slm::cuda {

CudaBackend::CudaBackend(const BackendOptions& options)
    : context_(options.device),
      blas_(context_, /*measured=*/!options.exact),
      exact_(options.exact) {}

std::string CudaBackend::description() const {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, context_.device()), "properties of device {}",
             context_.device());
  return format("cuda ({}, device {}{})", properties.name, context_.device(),
                exact_ ? ", exact" : "");
}

Tensor CudaBackend::empty(const Shape& shape, DType dtype) { return context_.empty(shape, dtype); }

void CudaBackend::zero(const Tensor& t) {
  check_cuda(cudaMemsetAsync(device_data<void>(t), 0, size_t(t.bytes()), context_.stream()),
             "cudaMemsetAsync of {} bytes on device {}", t.bytes(), context_.device());
}

void CudaBackend::attention_forward(const AttentionArgs& a) {
  cuda::attention_forward(context_, a, exact_);
}

void CudaBackend::attention_backward(const AttentionArgs& a, const AttentionGrads& g) {
  cuda::attention_backward(context_, a, g);
}

}  // namespace slm::cuda
