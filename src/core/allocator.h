// Where tensors come from. Every Backend is one.
#pragma once

#include "core/tensor.h"

namespace slm {

class Allocator {
 public:
  virtual ~Allocator() = default;
  virtual Device device() const { return Device::kHost; }     // where its tensors lie
  virtual Tensor empty(const Shape& shape, DType dtype) = 0;  // uninitialised
  virtual void zero(const Tensor& t) = 0;
  // The same element count in equal types of any kind, in float types, or from floats into blocks.
  // Both lie on device() or on the host, in any mixture; memory of the host has been read or
  // written when this returns.
  virtual void copy(const Tensor& from, const Tensor& to) = 0;
};

// On the host: the tensor itself when it lies there, else a copy.
Tensor to_host(Allocator& memory, const Tensor& t);
// On the device of `memory`, in the same way.
Tensor to_device(Allocator& memory, const Tensor& t);

// Calls change(tensor) for t on the host: itself, or a copy that is written back.
template <class Change>
void change_on_host(Allocator& memory, const Tensor& t, Change change) {
  Tensor host = to_host(memory, t);
  change(host);
  if (host.storage() != t.storage()) memory.copy(host, t);
}

}  // namespace slm
