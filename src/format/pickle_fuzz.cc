// Any bytes as a pytorch_model.bin, zip or legacy: refused with an Error, or every tensor can be
// loaded.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "format/pytorch_bin.h"
#include "util/error.h"
#include "util/format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = ::memfd_create("input", 0);
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != ssize_t(size)) std::abort();
  try {
    slm::TensorFiles files = slm::open_pytorch_bin(slm::format("/proc/self/fd/{}", file));
    for (const auto& entry : files.entries()) files.load(entry.name);
  } catch (const slm::Error&) {
  }
  return 0;
}
