// Any bytes as a result file: refused with an Error, or read as something that, once written, is
// read and written the same.
#include <cstdlib>

#include "eval/results.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string written;
  try {
    written = slm::write_results(
        slm::parse_results({reinterpret_cast<const char*>(data), size}, "input"));
  } catch (const slm::Error&) {
    return 0;
  }
  if (slm::write_results(slm::parse_results(written, "written")) != written) std::abort();
  return 0;
}
