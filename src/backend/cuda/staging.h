// Small host arrays on their way to the device: a ring of pinned memory, so that the host neither
// waits for a copy nor must keep what is copied.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

namespace slm::cuda {

class Staging {
 public:
  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // `from` may change when this returns. More than half of the ring is copied without it.
  void copy(void* to, const void* from, size_t bytes, cudaStream_t stream);

 private:
  static constexpr size_t kHalf = size_t{1} << 20;
  void create();

  std::byte* ring_ = nullptr;
  size_t used_ = 0;  // of the half being filled
  int half_ = 0;
  cudaEvent_t read_[2] = {};  // the copies out of each half are done
};

}  // namespace slm::cuda
