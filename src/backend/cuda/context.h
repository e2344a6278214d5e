// What every launch of the CUDA backend needs: the device, its stream, memory, and a way for host
// arrays to get there. One stream: calls are done in order, and memory freed by the host is used
// again only by calls after those that use it now.
#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <span>

#include "backend/cuda/staging.h"
#include "core/tensor.h"

namespace slm::cuda {

struct Stream {
  explicit Stream(int device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const int device;
  cudaStream_t handle = nullptr;
};

class CudaContext {
 public:
  explicit CudaContext(int device);

  int device() const { return stream_->device; }
  int multiprocessors() const { return multiprocessors_; }
  // Also makes the device the calling thread's.
  cudaStream_t stream() const;
  void wait() const;  // until all is done
  // Of the device, and what was freed here and kept.
  int64_t free_memory() const;

  Tensor empty(const Shape& shape, DType dtype);
  // Uninitialised device memory, aligned to 256 bytes; freed after the last call that uses it even
  // when it is dropped as soon as that is launched.
  std::shared_ptr<std::byte> take(int64_t bytes);
  template <class T>
  std::shared_ptr<T> scratch(int64_t count) {
    std::shared_ptr<std::byte> block = take(count * int64_t(sizeof(T)));
    return {block, reinterpret_cast<T*>(block.get())};
  }
  // Host memory to the device; it may change when this returns.
  void send(void* to, const void* from, int64_t bytes);
  template <class T>
  std::shared_ptr<T> upload(std::span<const T> values) {
    std::shared_ptr<T> copy = scratch<T>(int64_t(values.size()));
    send(copy.get(), values.data(), int64_t(values.size_bytes()));
    return copy;
  }
  // Device memory into the host's; waits for all before it.
  void fetch(void* to, const void* from, int64_t bytes) const;
  // A small tensor that callers may keep on the host: itself when it is on the device.
  Tensor on_device(const Tensor& t);

 private:
  std::shared_ptr<Stream> stream_;  // also of all memory in use
  int multiprocessors_ = 0;
  Staging staging_;
};

void check_on_device(const Tensor& t);

// The address of a tensor that must lie on the device; null for an absent one.
template <class T>
T* device_data(const Tensor& t) {
  if (!t) return nullptr;
  check_on_device(t);
  return reinterpret_cast<T*>(t.address());
}

}  // namespace slm::cuda
