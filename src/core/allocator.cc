#include "core/allocator.h"

namespace slm {

Tensor to_host(Allocator& memory, const Tensor& t) {
  if (!t || t.device() == Device::kHost) return t;
  Tensor copy = Tensor::host(t.shape(), t.dtype());
  memory.copy(t, copy);
  return copy;
}

Tensor to_device(Allocator& memory, const Tensor& t) {
  if (!t || t.device() == memory.device()) return t;
  Tensor copy = memory.empty(t.shape(), t.dtype());
  memory.copy(t, copy);
  return copy;
}

}  // namespace slm
