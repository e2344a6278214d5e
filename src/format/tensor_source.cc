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

std::vector<TensorSource> with_progress(std::vector<TensorSource> sources,
                                        const WriteProgress& progress) {
  if (!progress) return sources;
  int64_t total = 0, done = 0;
  for (const TensorSource& source : sources) total += source.bytes();
  for (TensorSource& source : sources) {
    done += source.bytes();
    source.load = [load = std::move(source.load), progress, done, total] {
      Tensor tensor = load();
      progress(done, total);
      return tensor;
    };
  }
  return sources;
}

}  // namespace slm
