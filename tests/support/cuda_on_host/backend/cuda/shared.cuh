// In place of src/backend/cuda/shared.cuh.
#pragma once

#include "support/cuda_on_host/block.h"

namespace slm::cuda {

template <class T>
T* dynamic_shared() {
  return reinterpret_cast<T*>(cuda_on_host::shared_memory());
}

}  // namespace slm::cuda
