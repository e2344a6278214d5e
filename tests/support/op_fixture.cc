#include "support/op_fixture.h"

#include <cstring>

#include "format/safetensors.h"
#include "support/test_data.h"

namespace slm::testing {
namespace {

const TensorFiles& file() {
  static const TensorFiles tensors = open_safetensors(fixture("ops/ops.safetensors"));
  return tensors;
}

}  // namespace

bool OpFixture::has(const std::string& name) const { return file().find(op_ + "." + name); }

Tensor OpFixture::at(const std::string& name) const {
  return has(name) ? file().load(op_ + "." + name) : Tensor{};
}

Tensor OpFixture::ids(const std::string& name) const {
  Tensor wide = at(name);
  std::vector<int32_t> narrow(wide.span<const int64_t>().begin(), wide.span<const int64_t>().end());
  return Tensor::of(narrow, wide.shape());
}

Tensor OpFixture::rows(const std::string& name) const {
  Tensor t = at(name);
  int64_t B = t.dim(0), G = t.dim(1), T = t.dim(2), E = t.dim(3);
  Tensor packed = Tensor::host({B * T, G, E}, t.dtype());
  for (int64_t b = 0; b < B; ++b)
    for (int64_t g = 0; g < G; ++g)
      for (int64_t s = 0; s < T; ++s)
        std::memcpy(packed.data<float>() + ((b * T + s) * G + g) * E,
                    t.data<float>() + ((b * G + g) * T + s) * E, size_t(E) * sizeof(float));
  return packed;
}

}  // namespace slm::testing
