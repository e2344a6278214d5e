#include "backend/backend.h"
#include "util/error.h"

namespace slm {

std::unique_ptr<Backend> make_backend(std::string_view name, const BackendOptions& options) {
  if (name == "cpu") return make_cpu_backend(options);
  if (name == "reference") return make_reference_backend();
  fail(ErrorKind::kInvalid, "backend \"{}\": expected cpu or reference", name);
}

}  // namespace slm
