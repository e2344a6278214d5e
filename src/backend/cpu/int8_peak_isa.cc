#include "backend/cpu/bytes.h"
#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {

// More sums than the instructions take cycles, and few enough for the registers there are.
double int8_peak(int64_t rounds) {
  constexpr int kSums = 10;
  IVec sums[kSums];
  for (int s = 0; s < kSums; ++s) sums[s] = IVec{} + s;  // equal sums would be one
  UVec w = UVec{} + 0x01020304, x = UVec{} + 0x04030201;
  for (int64_t i = 0; i < rounds; ++i) {
    asm("" : "+x"(x));  // not known to be the same every round
#pragma GCC unroll 10
    for (int s = 0; s < kSums; ++s) sums[s] = dot4<false>(sums[s], w, x);
  }
  for (IVec& sum : sums) asm volatile("" : "+x"(sum));
  return 2.0 * double(rounds) * kSums * SLM_VECTOR_BYTES;
}

}  // namespace slm::cpu::SLM_ISA
