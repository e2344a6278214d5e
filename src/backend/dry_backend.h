// To plan with: what calls would take, without what they would do.
#pragma once

#include <functional>
#include <memory>

#include "backend/backend.h"

namespace slm {

// The CPU backend, asking only for the memory of tensors and scratch: nothing is computed, what
// tensors hold is undefined, and memory that nobody touches is only address space.
struct DryBackend {
  std::unique_ptr<Backend> backend;
  std::function<int64_t()> most_bytes;  // tensors and scratch ever had at once
};
DryBackend make_dry_backend();

}  // namespace slm
