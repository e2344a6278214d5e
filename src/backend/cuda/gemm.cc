// Products: what cuBLASLt takes goes there as it is; operands of two types, block formats and
// results of a third type are brought into such a form first, or read in place where a has few
// rows.
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/elementwise.h"
#include "backend/cuda/matvec.h"
#include "backend/cuda/numbers.cuh"
#include "backend/cuda/quant.cuh"

namespace slm::cuda {
namespace {

// The library multiplies two operands of one type.
DType common_type(const GemmArgs& a) {
  return a.a.dtype() == a.b.dtype() ? a.a.dtype() : DType::kF32;
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

  DType factors = common_type(a);
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
                  .a = device_data<void>(left),
                  .b = device_data<void>(right),
                  .result = c.dtype(),
                  .c = device_data<void>(c),
                  .bias = device_data<void>(bias),
                  .alpha = a.alpha,
                  .beta = direct ? a.beta : 0});
  if (!direct) cuda::accumulate(context_, 1, c, {a.c, a.beta});
}

// Many rows against a weight in blocks: decoded as a whole, into the other operand's type.
void CudaBackend::gemm_decoded(GemmArgs a) {
  Tensor plain = empty(a.b.shape(), a.a.dtype());
  dequantize(context_, a.b, plain);
  a.b = plain;
  gemm(a);
}

}  // namespace slm::cuda
