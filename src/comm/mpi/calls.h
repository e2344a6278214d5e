// MPI as this room uses it: one lock around every call, so that threads may take turns, and errors
// that name the call.
#pragma once

#include <mpi.h>

#include <mutex>
#include <string>
#include <string_view>

#include "util/error.h"

namespace slm::mpi {

inline void check_call(int code, std::string_view call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail(ErrorKind::kIo, "[mpi] {} failed: {}", call, std::string_view(text, size_t(length)));
}

// Tags of messages; data of channel c has tag c.
inline constexpr int kPulseTag = 32767;  // the largest every MPI allows

}  // namespace slm::mpi
