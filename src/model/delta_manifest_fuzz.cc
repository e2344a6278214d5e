// Any bytes as a delta's manifest: refused with an Error, or every hash is one.
#include <cstdlib>

#include "model/delta_manifest.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    auto manifest = slm::parse_delta_manifest({reinterpret_cast<const char*>(data), size}, "input");
    for (const auto* hashes : {&manifest.base, &manifest.result})
      for (const auto& [name, hash] : *hashes)
        if (hash.size() != 64) std::abort();
  } catch (const slm::Error&) {
  }
  return 0;
}
