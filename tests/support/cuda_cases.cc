#include "support/cuda_cases.h"

namespace slm::testing {

std::vector<OpCase> cuda_cases() {
  if (!cuda_available()) return {};
  return {{"cuda", [](int) { return make_cuda_backend({.exact = true}); }}};
}

}  // namespace slm::testing
