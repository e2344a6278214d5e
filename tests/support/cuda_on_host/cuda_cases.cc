#include "support/cuda_cases.h"

#include "backend/cuda/cuda_backend.h"

namespace slm::testing {

std::vector<OpCase> cuda_cases() {
  return {{"cuda_on_host",
           [](int) { return std::make_unique<cuda::CudaBackend>(BackendOptions{.exact = true}); }}};
}

}  // namespace slm::testing
