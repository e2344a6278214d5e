// What is to be written: tensors whose name, type and shape are known, and whose numbers are made
// when their turn comes.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace slm {

// A tensor that is made when asked for, so that a file larger than memory can be written. `load`
// gives a host tensor of exactly this type and shape; writers call it once, and let go of the
// result before they ask for the next.
struct TensorSource {
  std::string name;
  DType dtype;
  Shape shape;
  std::function<Tensor()> load;

  int64_t bytes() const { return bytes_of(dtype, shape.elements()); }
};

struct NamedTensor {
  std::string name;
  Tensor tensor;  // on the host
};

// Tensors that are in memory already.
inline std::vector<TensorSource> sources_of(std::span<const NamedTensor> tensors) {
  std::vector<TensorSource> sources;
  for (const NamedTensor& t : tensors)
    sources.push_back(
        {t.name, t.tensor.dtype(), t.tensor.shape(), [tensor = t.tensor] { return tensor; }});
  return sources;
}

// Told how many bytes of how many have been made.
using WriteProgress = std::function<void(int64_t done, int64_t total)>;
// The same sources, each of which tells when it has been made. They are to be used in order.
std::vector<TensorSource> with_progress(std::vector<TensorSource> sources,
                                        const WriteProgress& progress);

// What `source.load` gives, checked against what the source says. For writers.
Tensor load_checked(const TensorSource& source);

}  // namespace slm
