#include "backend/reference/reference.h"

namespace slm {

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace slm
