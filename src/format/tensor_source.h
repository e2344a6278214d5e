// A tensor that is made when asked for, so that a file larger than memory can be written.
#pragma once

#include <functional>
#include <string>

#include "core/dtype.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace slm {

struct TensorSource {
  std::string name;
  DType dtype;
  Shape shape;
  std::function<Tensor()> load;
};

}  // namespace slm
