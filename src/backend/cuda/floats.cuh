// Tensors of a number type that the kernel looks up: what kernels that wait for memory work on.
// They take eight numbers at a time, 16 bytes or twice that, so one look at the type is cheap and
// no kernel is compiled for every mixture of types.
#pragma once

#include <cstdint>

#include "backend/cuda/context.h"
#include "backend/cuda/numbers.cuh"
#include "core/tape.h"

namespace slm::cuda {

enum class FloatKind : uint8_t { kF32, kBF16, kF16 };

struct Floats {
  void* data = nullptr;
  FloatKind kind = FloatKind::kF32;

  __host__ __device__ explicit operator bool() const { return data != nullptr; }
};

// Where a kernel writes beta * data + new; null: nobody wants it.
struct FloatSlot {
  Floats to;
  float beta = 0;
};

// Null for an absent tensor.
inline Floats floats(const Tensor& t) {
  if (!t) return {};
  auto* data = device_data<void>(t);
  switch (t.dtype()) {
    case DType::kF32:
      return {data, FloatKind::kF32};
    case DType::kBF16:
      return {data, FloatKind::kBF16};
    case DType::kF16:
      return {data, FloatKind::kF16};
    default:
      refuse(t);
  }
}
inline FloatSlot floats(const GradSlot& slot) { return {floats(slot.grad), slot.beta}; }

template <class T>
struct alignas(16) Chunk {
  T at[16 / sizeof(T)];
};

template <class T>
__device__ void load8_of(const T* from, int64_t count, float (&values)[8]) {
  constexpr int kEach = 16 / sizeof(T);
  if (count >= 8 && reinterpret_cast<uintptr_t>(from) % 16 == 0) {
#pragma unroll
    for (int c = 0; c < 8 / kEach; ++c) {
      Chunk<T> chunk = reinterpret_cast<const Chunk<T>*>(from)[c];
#pragma unroll
      for (int i = 0; i < kEach; ++i) values[c * kEach + i] = to_float(chunk.at[i]);
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) values[i] = i < count ? to_float(from[i]) : 0;
}

template <class T>
__device__ void store8_of(T* to, int64_t count, const float (&values)[8]) {
  constexpr int kEach = 16 / sizeof(T);
  if (count >= 8 && reinterpret_cast<uintptr_t>(to) % 16 == 0) {
#pragma unroll
    for (int c = 0; c < 8 / kEach; ++c) {
      Chunk<T> chunk;
#pragma unroll
      for (int i = 0; i < kEach; ++i) chunk.at[i] = from_float<T>(values[c * kEach + i]);
      reinterpret_cast<Chunk<T>*>(to)[c] = chunk;
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i)
    if (i < count) to[i] = from_float<T>(values[i]);
}

// Numbers i to i + 7; those at `end` and past it are read as zero and not written.
__device__ inline void load8(const Floats& x, int64_t i, int64_t end, float (&values)[8]) {
  if (x.kind == FloatKind::kF32)
    load8_of(static_cast<const float*>(x.data) + i, end - i, values);
  else if (x.kind == FloatKind::kBF16)
    load8_of(static_cast<const bf16*>(x.data) + i, end - i, values);
  else
    load8_of(static_cast<const f16*>(x.data) + i, end - i, values);
}

__device__ inline void store8(const Floats& x, int64_t i, int64_t end, const float (&values)[8]) {
  if (x.kind == FloatKind::kF32)
    store8_of(static_cast<float*>(x.data) + i, end - i, values);
  else if (x.kind == FloatKind::kBF16)
    store8_of(static_cast<bf16*>(x.data) + i, end - i, values);
  else
    store8_of(static_cast<f16*>(x.data) + i, end - i, values);
}

// With beta 0 what was there is not looked at.
__device__ inline void store8(const FloatSlot& slot, int64_t i, int64_t end, float (&values)[8]) {
  if (!slot.to) return;
  if (slot.beta != 0) {
    float old[8];
    load8(slot.to, i, end, old);
#pragma unroll
    for (int j = 0; j < 8; ++j) values[j] += slot.beta * old[j];
  }
  store8(slot.to, i, end, values);
}

}  // namespace slm::cuda
