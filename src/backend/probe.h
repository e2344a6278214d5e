// What a device can do at best, measured: the denominators of every share of a limit that is
// reported. Each takes about 0.3 s; on a busy machine both come out low.
#pragma once

#include "backend/backend.h"

namespace slm {

// Multiply-adds, counted as two, per second of a large product in f32, or of two matrices in bf16
// or f16 into f32, with all threads.
double gemm_flops_per_second(Backend& backend, DType dtype = DType::kF32);

// Bytes per second that all threads together read from memory, past the caches.
double read_bytes_per_second(Backend& backend);

// Multiply-adds of bytes in registers, counted as two, per second with all threads of the cpu
// backend.
double int8_ops_per_second(const BackendOptions& options = {});

}  // namespace slm
