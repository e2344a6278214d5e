// In place of cuda/ where the build has no CUDA.
#include "backend/backend.h"
#include "util/error.h"

namespace slm {

std::unique_ptr<Backend> make_cuda_backend(const BackendOptions&) {
  fail(
      ErrorKind::kUnsupported,
      "backend \"cuda\": built without CUDA; configure with the preset `cuda`, or take the backend "
      "cpu");
}

bool cuda_available() { return false; }

}  // namespace slm
