// Any bytes as a hub's answer: refused with an Error, or every name in it is safe to write to.
#include <cstdlib>

#include "hub/listing.h"
#include "hub/repository.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    auto listing = slm::parse_listing({reinterpret_cast<const char*>(data), size}, "input");
    if (!slm::is_commit(listing.commit)) std::abort();
    for (const slm::HubFile& file : listing.files)
      if (file.size < -1 || file.path.front() == '/' ||
          ("/" + file.path + "/").find("/../") != std::string::npos ||
          file.path.find('\0') != std::string::npos || file.etag.find('/') != std::string::npos)
        std::abort();
  } catch (const slm::Error&) {
  }
  return 0;
}
