#include "backend/cuda/context.h"

#include <algorithm>

#include "backend/cuda/errors.h"

namespace slm::cuda {
namespace {

// Which device a thread talks to is a property of the thread.
void make_current(int device) {
  thread_local int current = -1;
  if (current == device) return;
  check_cuda(cudaSetDevice(device), "cudaSetDevice({})", device);
  current = device;
}

// Memory the program gave back stays with it until the device runs out.
void keep_freed_memory(int device) {
  cudaMemPool_t pool = nullptr;
  uint64_t all = UINT64_MAX;
  check_cuda(cudaDeviceGetDefaultMemPool(&pool, device), "memory pool of device {}", device);
  check_cuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all),
             "threshold of the memory pool of device {}", device);
}

int64_t pool_bytes(cudaMemPool_t pool, cudaMemPoolAttr which) {
  uint64_t bytes = 0;
  check_cuda(cudaMemPoolGetAttribute(pool, which, &bytes), "size of the memory pool");
  return int64_t(bytes);
}

[[noreturn]] void fail_allocation(int64_t bytes, int device) {
  size_t left = 0, total = 0;
  check_cuda(cudaMemGetInfo(&left, &total), "cudaMemGetInfo on device {}", device);
  constexpr double kMiB = 1 << 20;
  fail(
      ErrorKind::kNoMemory,
      "[cuda] device {} is out of memory: asked for {:.1f} MiB, {:.1f} of {:.1f} MiB are free. "
      "Less is needed with a smaller batch, with recomputation (training), with quantised weights, "
      "a quantised cache or fewer --gpu-layers (generation)",
      device, double(bytes) / kMiB, double(left) / kMiB, double(total) / kMiB);
}

}  // namespace

Stream::Stream(int of_device) : device(of_device) {
  make_current(device);
  check_cuda(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "a stream of device {}",
             device);
}

Stream::~Stream() {
  cudaStreamSynchronize(handle);
  cudaStreamDestroy(handle);
}

CudaContext::CudaContext(int device) : stream_(std::make_shared<Stream>(device)) {
  keep_freed_memory(device);
  check_cuda(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, device),
             "multiprocessors of device {}", device);
}

cudaStream_t CudaContext::stream() const {
  make_current(stream_->device);
  return stream_->handle;
}

void CudaContext::wait() const {
  check_cuda(cudaStreamSynchronize(stream()), "a call before cudaStreamSynchronize on device {}",
             device());
}

int64_t CudaContext::free_memory() const {
  stream();
  size_t left = 0, total = 0;
  check_cuda(cudaMemGetInfo(&left, &total), "cudaMemGetInfo on device {}", device());
  cudaMemPool_t pool = nullptr;
  check_cuda(cudaDeviceGetDefaultMemPool(&pool, device()), "memory pool of device {}", device());
  return int64_t(left) + pool_bytes(pool, cudaMemPoolAttrReservedMemCurrent) -
         pool_bytes(pool, cudaMemPoolAttrUsedMemCurrent);
}

std::shared_ptr<std::byte> CudaContext::take(int64_t bytes) {
  void* memory = nullptr;
  cudaError_t status = cudaMallocAsync(&memory, size_t(std::max<int64_t>(bytes, 1)), stream());
  if (status == cudaErrorMemoryAllocation) fail_allocation(bytes, device());
  check_cuda(status, "cudaMallocAsync of {} bytes on device {}", bytes, device());
  return {static_cast<std::byte*>(memory),
          [stream = stream_](std::byte* p) { cudaFreeAsync(p, stream->handle); }};
}

Tensor CudaContext::empty(const Shape& shape, DType dtype) {
  int64_t bytes = bytes_of(dtype, shape.elements());
  std::shared_ptr<std::byte> block = take(bytes);
  auto storage = std::make_shared<Storage>(Storage{block.get(), bytes, Device::kCuda, block});
  return Tensor(std::move(storage), 0, shape, dtype);
}

Tensor CudaContext::on_device(const Tensor& t) {
  if (!t || t.device() == Device::kCuda) return t;
  Tensor copy = empty(t.shape(), t.dtype());
  send(copy.address(), t.bytes_data(), t.bytes());
  return copy;
}

void CudaContext::send(void* to, const void* from, int64_t bytes) {
  staging_.copy(to, from, size_t(bytes), stream());
}

void CudaContext::fetch(void* to, const void* from, int64_t bytes) const {
  check_cuda(cudaMemcpyAsync(to, from, size_t(bytes), cudaMemcpyDeviceToHost, stream()),
             "copy of {} bytes from device {}", bytes, device());
  wait();
}

void check_on_device(const Tensor& t) {
  check(t.device() == Device::kCuda, "[cuda] {} {} lies on the host, expected on the device",
        traits(t.dtype()).name, t.shape().to_string());
}

}  // namespace slm::cuda
