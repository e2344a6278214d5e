// Any bytes as a token index: refused with an Error, or lengths that sum to what it claims.
#include <cstdlib>
#include <cstring>

#include "data/token_file.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    slm::TokenIndex index = slm::parse_token_index(std::as_bytes(std::span(data, size)), "input");
    int64_t tokens = 0;
    for (int64_t i = 0; i < index.documents; ++i) {
      int32_t length;
      std::memcpy(&length, index.lengths + 4 * i, 4);
      tokens += length;
    }
    if (tokens != index.tokens) std::abort();
  } catch (const slm::Error&) {
  }
  return 0;
}
