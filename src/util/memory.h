// How much memory there is and was used.
#pragma once

#include <cstdint>

namespace slm {

// Bytes this process may still take without the system running short: what Linux calls available,
// within the limit of the control group. 1 GiB where it is not told.
int64_t available_memory();

}  // namespace slm
