// Tests of the CUDA backend's own functions, in one number format each: on this machine's GPU, or
// with the kernels run on the host (cuda_on_host/block.h). Skipped where there is neither.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "backend/cuda/context.h"

namespace slm::testing {

class CudaTest : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0)
      GTEST_SKIP() << "no NVIDIA GPU with a driver of CUDA 13 is here";
    context_.emplace(0);
  }

  cuda::CudaContext& cx() { return *context_; }
  Tensor on_device(const Tensor& t) { return cx().on_device(t); }
  Tensor on_host(const Tensor& t) {
    Tensor copy = Tensor::host(t.shape(), t.dtype());
    cx().fetch(copy.bytes_data(), t.address(), t.bytes());
    return copy;
  }

 private:
  std::optional<cuda::CudaContext> context_;
};

inline std::string dtype_name(const ::testing::TestParamInfo<DType>& test) {
  return std::string(traits(test.param).name);
}

}  // namespace slm::testing
