// Products: what cuBLASLt takes goes there as it is; operands of two types, block formats and
// results of a third type are brought into such a form first, or read in place where a has few
// rows.
//
// Activations are f32 beside weights of any type. Tensor cores want both alike, so unless results
// are to be exact, activations beside bf16 are rounded to bf16; beside f16, whose range may be too
// small for them, to as many bits as f16 has (tf32); and beside blocks both are bf16.
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/elementwise.h"
#include "backend/cuda/matvec.h"
#include "backend/cuda/numbers.cuh"
#include "backend/cuda/quant.cuh"

namespace slm::cuda {
namespace {

// Activations that may be rounded for this type of weight.
bool rounds(const GemmArgs& a, DType weight, bool exact) {
  bool of_weight = a.transpose_b && !a.transpose_a;
  return !exact && of_weight && a.a.dtype() == DType::kF32 && a.b.dtype() == weight;
}

// The library multiplies two operands of one type.
DType common_type(const GemmArgs& a, bool exact) {
  if (a.a.dtype() == a.b.dtype()) return a.a.dtype();
  return rounds(a, DType::kBF16, exact) ? DType::kBF16 : DType::kF32;
}

// And adds into that type or f32, with a bias of the same type, which must not be rounded for it.
bool is_result_type(const GemmArgs& a, DType factors) {
  if (a.c.dtype() == DType::kF32) return true;
  return a.c.dtype() == factors && (!a.bias || a.bias.dtype() == factors);
}

}  // namespace

void CudaBackend::gemm(const GemmArgs& a) {
  int64_t k = a.a.dim(a.transpose_a ? 0 : 1);
  if (a.c.elements() == 0) return;
  if (k == 0) return scale_and_add_bias(context_, a.bias, {a.c, a.beta});
  if (a.b.quantized()) {
    if (!a.transpose_b) refuse(a.b);
    if (!quantized_rows(context_, a, exact_)) gemm_decoded(a);
    return;
  }
  if (multiply_rows(context_, a)) return;

  DType factors = common_type(a, exact_);
  bool direct = is_result_type(a, factors);
  Tensor left = as_type(context_, a.a, factors), right = as_type(context_, a.b, factors);
  Tensor c = direct ? a.c : empty(a.c.shape(), DType::kF32);
  Tensor bias = as_type(context_, a.bias, c.dtype());
  blas_.multiply({.m = a.c.dim(0),
                  .n = a.c.dim(1),
                  .k = k,
                  .transpose_a = a.transpose_a,
                  .transpose_b = a.transpose_b,
                  .factors = factors,
                  .tf32 = rounds(a, DType::kF16, exact_),
                  .a = device_data<void>(left),
                  .b = device_data<void>(right),
                  .result = c.dtype(),
                  .c = device_data<void>(c),
                  .bias = device_data<void>(bias),
                  .alpha = a.alpha,
                  .beta = direct ? a.beta : 0});
  if (!direct) cuda::accumulate(context_, 1, c, {a.c, a.beta});
}

// Many rows against a weight in blocks: decoded as a whole.
void CudaBackend::gemm_decoded(GemmArgs a) {
  bool wide = exact_ || a.a.dtype() != DType::kF32;
  Tensor plain = empty(a.b.shape(), wide ? a.a.dtype() : DType::kBF16);
  dequantize(context_, a.b, plain);
  a.b = plain;
  gemm(a);
}

}  // namespace slm::cuda
