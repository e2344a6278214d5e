#include "backend/cuda/staging.h"

#include <cstring>

#include "backend/cuda/errors.h"

namespace slm::cuda {

Staging::~Staging() {
  if (!ring_) return;
  for (cudaEvent_t event : read_) cudaEventSynchronize(event), cudaEventDestroy(event);
  cudaFreeHost(ring_);
}

void Staging::create() {
  void* memory = nullptr;
  check_cuda(cudaMallocHost(&memory, 2 * kHalf), "cudaMallocHost of {} bytes", 2 * kHalf);
  ring_ = static_cast<std::byte*>(memory);
  for (cudaEvent_t& event : read_)
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event");
}

void Staging::copy(void* to, const void* from, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return;
  if (bytes > kHalf) {  // the runtime has its own way with ordinary memory, and waits
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream),
               "copy of {} bytes to the device", bytes);
    check_cuda(cudaStreamSynchronize(stream), "copy of {} bytes to the device", bytes);
    return;
  }
  if (!ring_) create();
  if (used_ + bytes > kHalf) {
    check_cuda(cudaEventRecord(read_[half_], stream), "an event after copies to the device");
    half_ = 1 - half_;
    used_ = 0;
    check_cuda(cudaEventSynchronize(read_[half_]), "copies to the device");
  }
  std::byte* slot = ring_ + size_t(half_) * kHalf + used_;
  std::memcpy(slot, from, bytes);
  used_ += (bytes + 15) / 16 * 16;
  check_cuda(cudaMemcpyAsync(to, slot, bytes, cudaMemcpyHostToDevice, stream),
             "copy of {} bytes to the device", bytes);
}

}  // namespace slm::cuda
