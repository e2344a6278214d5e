// In place of src/backend/cuda/mma.cuh: the same functions with the fragment layouts of the PTX
// ISA, section "Matrix fragments for mma.m16n8k16 with floating point type".
#pragma once

#include "backend/cuda/numbers.cuh"
#include "support/cuda_on_host/block.h"

namespace slm::cuda {

namespace on_host {

struct MmaBrought {
  const uint32_t *a, *b;
  const float* c;
};

template <class T>
float half_of(uint32_t word, int i) {
  T value;
  auto bits = uint16_t(word >> 16 * i);
  std::memcpy(&value, &bits, 2);
  return to_float(value);
}

// Element (row, k) of a and (k, column) of b, from the lane that holds it.
template <class T>
float element_a(const void* const* all, int row, int k) {
  const auto& held = *static_cast<const MmaBrought*>(all[row % 8 * 4 + k % 8 / 2]);
  return half_of<T>(held.a[row / 8 + k / 8 * 2], k % 2);
}
template <class T>
float element_b(const void* const* all, int k, int column) {
  const auto& held = *static_cast<const MmaBrought*>(all[column * 4 + k % 8 / 2]);
  return half_of<T>(held.b[k / 8], k % 2);
}

template <class T>
void multiply(const void* const* all, void* const* out) {
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      float sum = static_cast<const MmaBrought*>(all[lane])->c[i];
      for (int k = 0; k < 16; ++k) sum += element_a<T>(all, row, k) * element_b<T>(all, k, column);
      static_cast<float*>(out[lane])[i] = sum;
    }
  }
}

// Matrix m is in register m: row lane / 4, elements 2 (lane % 4) and the next; transposed: of that
// column.
template <int kMatrices, bool kTransposed>
void load_matrices(const void* const* all, void* const* out) {
  auto element = [&](int matrix, int row, int column) {
    uint16_t value;
    std::memcpy(&value, static_cast<const std::byte*>(all[matrix * 8 + row]) + 2 * column, 2);
    return uint32_t{value};
  };
  for (int lane = 0; lane < 32; ++lane) {
    for (int m = 0; m < kMatrices; ++m) {
      int line = lane / 4, first = lane % 4 * 2;
      static_cast<uint32_t*>(out[lane])[m] =
          kTransposed ? element(m, first, line) | element(m, first + 1, line) << 16
                      : element(m, line, first) | element(m, line, first + 1) << 16;
    }
  }
}

}  // namespace on_host

inline constexpr unsigned kWholeWarp = 0xffffffff;

template <class T>
void mma_16x8x16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  float result[4];
  on_host::MmaBrought brought{a, b, c};
  cuda_on_host::meet("mma_16x8x16", kWholeWarp, &brought, result, on_host::multiply<T>);
  std::memcpy(c, result, sizeof(c));
}

inline void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
  cuda_on_host::meet("ldmatrix_x4", kWholeWarp, row, r, on_host::load_matrices<4, false>);
}
inline void ldmatrix_x4_transposed(uint32_t (&r)[4], const void* row) {
  cuda_on_host::meet("ldmatrix_x4_transposed", kWholeWarp, row, r, on_host::load_matrices<4, true>);
}
inline void ldmatrix_x2(uint32_t (&r)[2], const void* row) {
  cuda_on_host::meet("ldmatrix_x2", kWholeWarp, row, r, on_host::load_matrices<2, false>);
}
inline void ldmatrix_x2_transposed(uint32_t (&r)[2], const void* row) {
  cuda_on_host::meet("ldmatrix_x2_transposed", kWholeWarp, row, r, on_host::load_matrices<2, true>);
}

inline void cp_async_16(void* shared, const void* global, bool valid = true) {
  cuda_on_host::copy_later(shared, valid ? global : nullptr, 16);
}
inline void cp_async_commit() { cuda_on_host::close_copy_group(); }
template <int kGroupsLeft>
void cp_async_wait() {
  cuda_on_host::wait_for_copies(kGroupsLeft);
}

}  // namespace slm::cuda
