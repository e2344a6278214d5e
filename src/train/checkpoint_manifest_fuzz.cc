// Any bytes as a manifest: refused with an Error, or one whose tensors lie inside their files.
#include <cstdlib>

#include "train/checkpoint_manifest.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& file : slm::parse_manifest(text, "input").files) {
      if (file.name.starts_with('/')) std::abort();
      for (const auto& tensor : file.tensors)
        if (tensor.begin < 0 || tensor.end < tensor.begin || tensor.end > file.bytes) std::abort();
    }
  } catch (const slm::Error&) {
  }
  return 0;
}
