// Copies between host and device, and from one number type to another on the way.
#include <cstring>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/elementwise.h"
#include "backend/cuda/errors.h"
#include "backend/cuda/quant.cuh"

namespace slm::cuda {
namespace {

bool on_host(const Tensor& t) { return t.device() == Device::kHost; }

// Of equal types.
void move_bytes(CudaContext& cx, const Tensor& from, const Tensor& to) {
  if (on_host(from) && on_host(to)) {
    std::memmove(to.bytes_data(), from.bytes_data(), size_t(from.bytes()));
  } else if (on_host(from)) {
    cx.send(to.address(), from.bytes_data(), from.bytes());
  } else if (on_host(to)) {
    cx.fetch(to.bytes_data(), from.address(), from.bytes());
  } else {
    check_cuda(cudaMemcpyAsync(to.address(), from.address(), size_t(from.bytes()),
                               cudaMemcpyDeviceToDevice, cx.stream()),
               "copy of {} bytes within device {}", from.bytes(), cx.device());
  }
}

// For blocks whose encoders only the host has, and for what does not lie on the device.
Tensor encoded_on_host(CudaContext& cx, const Tensor& from, DType dtype, const Shape& shape) {
  Tensor floats = Tensor::host(shape, DType::kF32);
  move_bytes(cx, on_host(from) ? to_dtype(from, DType::kF32) : as_type(cx, from, DType::kF32),
             floats);
  return to_dtype(floats, dtype);
}

}  // namespace

void CudaBackend::copy(const Tensor& from, const Tensor& to) {
  if (from.elements() == 0) return;
  if (from.dtype() == to.dtype()) return move_bytes(context_, from, to);
  bool apart = on_host(from) || on_host(to);
  if (!apart && encodes(to.dtype())) return encode(context_, from, to);
  if (to.quantized())
    return move_bytes(context_, encoded_on_host(context_, from, to.dtype(), to.shape()), to);
  Tensor source = from, target = to;
  if (on_host(from)) move_bytes(context_, from, source = empty(from.shape(), from.dtype()));
  if (on_host(to)) target = empty(to.shape(), to.dtype());
  convert(context_, source, target);
  if (on_host(to)) move_bytes(context_, target, to);
}

}  // namespace slm::cuda
