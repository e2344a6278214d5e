// What a device can do at best, measured: the denominators of every share of a limit that is
// reported. Each takes about 0.3 s once the device is warm; on a busy machine all come out low.
#pragma once

#include "backend/backend.h"

namespace slm {

// Multiply-adds, counted as two, per second of a large product in f32, or of two matrices in bf16
// or f16 into f32, with all threads.
double gemm_flops_per_second(Backend& backend, DType dtype = DType::kF32);
// In what the matrices of training in a number format are multiplied, for the peak it is compared
// with: in that format on a device, in f32 on the host.
DType products_of_training(const Backend& backend, DType working);

// Bytes per second that all threads together read from memory, past the caches; of a device: that
// a copy within its memory reads and writes.
double read_bytes_per_second(Backend& backend);

// Multiply-adds of bytes in registers, counted as two, per second with all threads of the cpu
// backend.
double int8_ops_per_second(const BackendOptions& options = {});

}  // namespace slm
