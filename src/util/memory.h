// How much memory there is and was used.
#pragma once

#include <cstdint>

namespace slm {

// Bytes this process may still take without the system running short: what Linux calls available,
// within the limit of the control group. 1 GiB where it is not told.
int64_t available_memory();

// The most memory this process ever held, in bytes.
int64_t peak_memory();

}  // namespace slm
