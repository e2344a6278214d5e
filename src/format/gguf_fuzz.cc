// Any bytes as a GGUF file: refused with an Error, or every tensor lies inside them.
#include <cstdlib>

#include "format/gguf_header.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = std::as_bytes(std::span(data, size));
  try {
    slm::GgufHeader header = slm::parse_gguf_header(bytes, "input");
    for (const auto& t : header.tensors)
      if (t.begin < 0 || t.end - t.begin != slm::bytes_of(t.dtype, t.shape.elements()) ||
          size_t(t.end) > size)
        std::abort();
  } catch (const slm::Error&) {
  }
  return 0;
}
