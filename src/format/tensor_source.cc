#include "format/tensor_source.h"

#include "util/error.h"

namespace slm {

Tensor load_checked(const TensorSource& source) {
  Tensor tensor = source.load();
  check(tensor && tensor.device() == Device::kHost && tensor.dtype() == source.dtype &&
            tensor.shape() == source.shape,
        "[tensor source] \"{}\" was announced as {} {} on the host and came as {}", source.name,
        traits(source.dtype).name, source.shape.to_string(),
        tensor ? format("{} {}", traits(tensor.dtype()).name, tensor.shape().to_string())
               : "nothing");
  return tensor;
}

}  // namespace slm
