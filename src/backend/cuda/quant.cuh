// Weights and caches in blocks: as plain numbers and from them, and products of few rows with them.
#pragma once

#include "backend/arguments.h"
#include "backend/cuda/context.h"

namespace slm::cuda {

// out[i] = w[i], out in f32, bf16 or f16: each weight as core/blocks decodes it, rounded once.
void dequantize(CudaContext& cx, const Tensor& w, const Tensor& out);

// y[t] = scale * table[ids[t]]: ids [T] i32 on the device, each within the table [V, D], y [T, D].
void dequantize_rows(CudaContext& cx, const Tensor& table, const Tensor& ids, float scale,
                     const Tensor& y);

// Formats that the device encodes: those of caches.
bool encodes(DType dtype);
// to = from, which is f32, bf16 or f16: blocks bit by bit as core/blocks encodes them.
void encode(CudaContext& cx, const Tensor& from, const Tensor& to);
// Rows of from to rows of to; `moves` lie on the device.
struct RowMove {
  int64_t from, to;
};
void encode_rows(CudaContext& cx, const Tensor& from, const Tensor& to, const RowMove* moves,
                 int64_t count);

// The product, if b is in blocks and transposed and a has few rows: b's bytes are read once, in
// place. Otherwise false, and nothing is done: b is better made plain numbers first. Unless
// `exact`, a is rounded to eight bits per number, each run of 32 with a scale of its own (as
// cpu/gemm_int8.cc does). A row's result does not depend on the other rows.
bool quantized_rows(CudaContext& cx, const GemmArgs& a, bool exact);
constexpr int64_t kQuantizedRows = 8;  // at most

}  // namespace slm::cuda
