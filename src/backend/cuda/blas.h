// Products of two matrices of one number type, summed in f32.
#pragma once

#include <memory>

#include "backend/cuda/context.h"

namespace slm::cuda {

// c = alpha op(a) op(b) + beta c + bias, all row-major and contiguous on the device: op(a) [m, k],
// op(b) [k, n], c [m, n], bias [n]. None of m, n, k is 0.
struct Product {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  DType factors;  // of a and b: f32, bf16 or f16
  bool tf32;      // f32 factors may be rounded to 11 bits
  const void *a, *b;
  DType result;  // of c and bias: as the factors, or f32
  void* c;
  const void* bias;  // null: none
  float alpha, beta;
};

class Blas {
 public:
  // `measured`: the first product of a size tries a few algorithms and keeps the fastest, so two
  // runs may round differently; else the library's first choice.
  Blas(CudaContext& context, bool measured);
  ~Blas();

  void multiply(const Product& p);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slm::cuda
