// Keys and values as floats, whatever a cache holds them in: plain numbers or blocks of 32. An
// index counts elements from the beginning of a tensor.
#pragma once

#include "backend/cuda/block_formats.cuh"
#include "backend/cuda/numbers.cuh"

namespace slm::cuda {

template <class T>
struct PlainReader {
  static constexpr int kWhole = 16 / sizeof(T);  // numbers that are read at once

  __device__ static float one(const void* data, int64_t i) {
    return to_float(static_cast<const T*>(data)[i]);
  }
  // x = the eight from i on; whole: they lie on 16 bytes
  __device__ static void eight(const void* data, int64_t i, bool whole, float (&x)[8]) {
    const T* from = static_cast<const T*>(data) + i;
    alignas(16) T numbers[8];
    if (whole) {
#pragma unroll
      for (int at = 0; at < 8; at += kWhole)
        *reinterpret_cast<uint4*>(numbers + at) = *reinterpret_cast<const uint4*>(from + at);
    } else {
#pragma unroll
      for (int at = 0; at < 8; ++at) numbers[at] = from[at];
    }
#pragma unroll
    for (int at = 0; at < 8; ++at) x[at] = to_float(numbers[at]);
  }
};

template <class Format>
struct BlockReader {
  using Block = typename Format::Block;
  static_assert(Block::kElems == 32);

  __device__ static float one(const void* data, int64_t i) {
    return Format::weight(static_cast<const Block*>(data)[i / 32], int(i % 32));
  }
  __device__ static void eight(const void* data, int64_t i, bool, float (&x)[8]) {
#pragma unroll
    for (int at = 0; at < 8; ++at) x[at] = one(data, i + at);
  }
};

// f(reader) for a type of keys and values
template <class F>
void with_reader(DType type, F f) {
  switch (type) {
    case DType::kF32:
      return f(PlainReader<float>{});
    case DType::kBF16:
      return f(PlainReader<bf16>{});
    case DType::kF16:
      return f(PlainReader<f16>{});
    case DType::kQ4_0:
      return f(BlockReader<Q4_0Format>{});
    case DType::kQ4_1:
      return f(BlockReader<Q4_1Format>{});
    case DType::kQ5_0:
      return f(BlockReader<Q5_0Format>{});
    case DType::kQ5_1:
      return f(BlockReader<Q5_1Format>{});
    case DType::kQ8_0:
      return f(BlockReader<Q8_0Format>{});
    default:
      fail(ErrorKind::kUnsupported,
           "[cuda] keys and values in {}: f32, bf16, f16 or blocks of 32 are expected",
           traits(type).name);
  }
}

}  // namespace slm::cuda
