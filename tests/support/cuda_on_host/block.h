// Runs CUDA kernels on the host, to test them: one block after another, each of its threads a
// fiber.
//
// What is found: reads and writes outside of memory (with the address sanitizer: device memory is
// malloc'ed), barriers that some thread does not reach, lanes that meet in different operations,
// shared and device memory that is read before it is written (both start as NaN), asynchronous
// copies nobody waited for (they happen at the wait). Half of the blocks run their threads
// backwards, so that results show a barrier that is missing. Kernels may be launched from several
// host threads.
#pragma once

#include <cstddef>
#include <functional>

#include "cuda_runtime.h"

namespace slm::cuda_on_host {

void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel);

std::byte* shared_memory();  // of the block that runs: what its launch asked for

// The lanes of `mask` meet in the operation `what`; the last to come turns what they brought into
// what they take away. Entries of lanes outside the mask are null.
using Combine = void (*)(const void* const* brought, void* const* taken);
void meet(const char* what, unsigned mask, const void* brought, void* taken, Combine combine);

int lane();

// Copies into shared memory that happen when they are waited for.
void copy_later(void* to, const void* from, size_t bytes);  // from null: zeros
void close_copy_group();
void wait_for_copies(size_t groups_left);

}  // namespace slm::cuda_on_host
