// Where tensors come from. Every Backend is one.
#pragma once

#include "core/tensor.h"

namespace slm {

class Allocator {
 public:
  virtual ~Allocator() = default;
  virtual Tensor empty(const Shape& shape, DType dtype) = 0;  // uninitialised
  virtual void zero(const Tensor& t) = 0;
};

}  // namespace slm
